/** The main job, typed by what openapi-typescript makes of the document; it is compiled, not run. */

import type { components, paths } from "./imprint";

type Schemas = components["schemas"];
type Spec = paths["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"];
type Job = paths["/v1/jobs"]["post"]["responses"][202]["content"]["application/json"];
type Dataset = paths["/v1/datasets"]["post"]["responses"][202]["content"]["application/json"];
type Events = paths["/v1/jobs/{job_id}/events"]["get"]["responses"][200]["content"]["application/json"];
type Predictions = paths["/v1/models/{model}/predictions"]["post"]["responses"][200]["content"]["application/json"];

const server = "http://localhost:8000";

async function answer<Body>(path: string, request?: RequestInit): Promise<Body> {
  const response = await fetch(server + path, request);
  if (!response.ok) {
    const problem = (await response.json()) as Schemas["Problem"];
    throw new Error(`${problem.code}: ${problem.detail}`);
  }
  return (await response.json()) as Body;
}

async function later(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function upload(name: string, archive: Blob): Promise<Dataset> {
  const form = new FormData();
  form.append("name", name);
  form.append("file", archive, `${name}.zip`);
  let dataset = await answer<Dataset>("/v1/datasets", { method: "POST", body: form });
  while (dataset.status === "preparing") {
    await later(1000);
    dataset = await answer<Dataset>(`/v1/datasets/${dataset.id}`);
  }
  if (dataset.error !== null) throw new Error(dataset.error.message);
  return dataset;
}

async function run(spec: Spec): Promise<Job> {
  const headers = { "Content-Type": "application/json" };
  let job = await answer<Job>("/v1/jobs", { method: "POST", headers, body: JSON.stringify(spec) });
  while (job.status === "queued" || job.status === "running") {
    await later(1000);
    job = await answer<Job>(`/v1/jobs/${job.id}`);
    const fraction: number = job.progress?.fraction ?? 0;
    const accuracy: number | undefined = job.metrics?.val_accuracy;
    console.log(job.status, fraction, accuracy);
  }
  return job;
}

/** The id of the model that a job made, whatever its type. */
function modelOf(job: Job): string {
  switch (job.type) {
    case "pretrain":
    case "finetune":
      if (job.result === null) break;
      return job.result.model;
    case "evaluate":
    case "publish":
      return job.spec.model;
    case "rank": {
      const best = job.result?.ranking[0];
      if (best !== undefined) return best.model;
      break;
    }
    case "prepare":
      break;
    default: {
      const never: never = job;
      return never;
    }
  }
  throw new Error(`${job.id} made no model`);
}

function told(event: Events["data"][number]): string {
  switch (event.type) {
    case "epoch":
      return `${event.data.run} ${event.data.epoch}: ${event.data.val_accuracy ?? "-"}`;
    case "failed":
      return `${event.data.code}: ${event.data.message}`;
    case "run_finished":
      return `${event.data.run} took ${event.data.seconds.toFixed(1)} s`;
    default:
      return event.type;
  }
}

async function watch(job: Job): Promise<void> {
  let after: string | null = null;
  do {
    const query: string = after === null ? "" : `?after=${after}`;
    const page: Events = await answer<Events>(`/v1/jobs/${job.id}/events${query}`);
    for (const event of page.data) console.log(event.created_at, told(event));
    after = page.next;
  } while (after !== null);
}

async function predict(model: string, image: Blob): Promise<string> {
  const path = `/v1/models/${model}/predictions`;
  const { results } = await answer<Predictions>(path, { method: "POST", body: image });
  const first = results[0];
  if (first === undefined) throw new Error("no result");
  return "error" in first ? first.error.message : `${first.label} ${first.confidence.toFixed(2)}`;
}

export async function mainJob(sourceArchive: Blob, targetArchive: Blob, image: Blob): Promise<string> {
  const source = await upload("source", sourceArchive);
  const target = await upload("target", targetArchive);
  const pretrained = await run({
    type: "pretrain",
    dataset: source.id,
    method: { kind: "simclr", temperature: 0.2 },
    training: { epochs: 10 },
  });
  const plain = await run({ type: "finetune", dataset: target.id });
  const held = await run({
    type: "finetune",
    dataset: target.id,
    init: modelOf(pretrained),
    penalty: { kind: "l2_sp", strength: "auto" },
    baselines: ["random", "head"],
  });
  await watch(held);
  if (held.type === "finetune" && held.result !== null) {
    const { verdict, metrics, comparisons, strength } = held.result;
    const gain: number | undefined = comparisons["random"]?.difference;
    console.log(verdict, metrics.accuracy, gain, strength?.chosen);
  }
  console.log(modelOf(plain));
  return predict(modelOf(held), image);
}
