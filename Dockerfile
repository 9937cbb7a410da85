# Two images from one file: `api` (no torch) and `worker`. Debian's own Python; every Python package from the hashed locks.
# Behind a TLS proxy of one's own: `--secret id=certificates,src=BUNDLE` gives the builder its certificates.
FROM debian:bookworm-20260824-slim AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt
# No home, no shell, and a number that Kubernetes and the like can check to be another than root's.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin imprint \
    && install --directory --owner imprint --group imprint /data
ENV PATH=/opt/imprint/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 IMPRINT_DATA=/data


# uv comes from the lock, by pip, hashes checked, as in the Makefile; then it installs the rest.
FROM base AS builder
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates python3-venv
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/opt/imprint/bin/python
WORKDIR /source
COPY requirements/dev.txt requirements/
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv --without-pip /opt/imprint && python3 -m venv /opt/uv \
    && awk '/^uv==/ {on=1} on {print} on && !/\\$/ {exit}' requirements/dev.txt > uv.txt \
    && /opt/uv/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps --requirement uv.txt

# The project's own wheel: its sources change more often than the packages, and must not make them be installed anew.
FROM builder AS wheel
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY worker worker
COPY migrations migrations
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/uv/bin/uv build --quiet --no-cache --wheel --require-hashes --build-constraint requirements/dev.txt --out-dir /wheel

# Left out: the packages' own tests, what requirements/api-unused.txt lists, and debug symbols where packages ship them.
# Together some 120 MB. The check fails the build if what is left does not load or cannot answer with an ONNX graph.
FROM builder AS api-packages
RUN apt-get install --yes --no-install-recommends binutils
COPY requirements/api.txt requirements/api-unused.txt requirements/check_api.py requirements/
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/uv/bin/uv pip install --quiet --no-cache --require-hashes --requirement requirements/api.txt \
    && cd /opt/imprint/lib/python3.11/site-packages \
    && rm -r $(grep -v '^#' /source/requirements/api-unused.txt) \
    && find . -name tests -prune -exec rm -r {} + \
    && find . \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' \) -delete \
    && find httptools PIL sqlalchemy uvloop -name '*.so' -exec strip --strip-debug {} + \
    && python /source/requirements/check_api.py

FROM builder AS worker-packages
COPY requirements/worker.txt requirements/
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/uv/bin/uv pip install --quiet --no-cache --require-hashes --requirement requirements/worker.txt

# The project comes last and in a layer of its own: a new version of it is a megabyte, not the packages once more.
FROM base AS api
COPY --from=api-packages /opt/imprint /opt/imprint
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    --mount=type=bind,from=builder,source=/opt/uv/bin,target=/opt/uv \
    /opt/uv/uv pip install --quiet --no-cache --no-deps --offline --compile-bytecode --python /opt/imprint /wheel/*.whl
USER 10001:10001
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["imprint"]
CMD ["api", "--host", "0.0.0.0"]

FROM base AS worker
COPY --from=worker-packages /opt/imprint /opt/imprint
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    --mount=type=bind,from=builder,source=/opt/uv/bin,target=/opt/uv \
    /opt/uv/uv pip install --quiet --no-cache --no-deps --offline --compile-bytecode --python /opt/imprint /wheel/*.whl
USER 10001:10001
VOLUME /data
ENTRYPOINT ["imprint"]
CMD ["worker"]
