# Redis from Debian's packages, under the name and by the contract of the official image, as far as we rely on it.
ARG BASE
FROM ${BASE}
RUN groupadd --system --gid 999 redis && useradd --system --uid 999 --gid 999 --no-create-home redis
RUN apt-get update && apt-get install --yes --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner redis --group redis /data
WORKDIR /data
VOLUME /data
EXPOSE 6379
CMD ["redis-server"]
