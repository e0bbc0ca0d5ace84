# Holdfast in a container. The outbox lives in the volume: mount a local disk there, never a network
# file system. Secrets come from the environment: HOLDFAST_TOKEN is needed, DATABASE_URL is expected.

FROM debian:trixie-slim AS build
WORKDIR /src
COPY packages packages
RUN packages/install.sh $(grep -hv '^#' packages/build.txt)
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY include include
COPY migrations migrations
COPY src src
RUN cmake --preset release -DHOLDFAST_TESTS=OFF && cmake --build build/release --target holdfast
RUN strip --strip-debug build/release/holdfast

FROM debian:trixie-slim
COPY packages /tmp/packages
RUN /tmp/packages/install.sh $(grep -hv '^#' /tmp/packages/runtime.txt) && rm -rf /tmp/packages /var/lib/apt/lists
RUN useradd --system --uid 10001 --home-dir /var/lib/holdfast --create-home holdfast && chmod 0700 /var/lib/holdfast
COPY --from=build /src/build/release/holdfast /usr/bin/holdfast
COPY packages/holdfast.toml /etc/holdfast/holdfast.toml
USER holdfast
WORKDIR /var/lib/holdfast
VOLUME /var/lib/holdfast
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["holdfast", "healthcheck"]
ENTRYPOINT ["holdfast"]
CMD ["serve"]
