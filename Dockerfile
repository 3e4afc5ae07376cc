# For those who have a container engine. `make image` makes an image of the same content without one, with labels and a digest
# that can be made again, and is what the tests run.
FROM rust:1.95.0-bookworm AS build
WORKDIR /src
ENV RUSTUP_TOOLCHAIN=1.95.0 RUSTFLAGS=-Ctarget-feature=+crt-static
ARG FEATURES=
COPY . .
# --target keeps the flags away from build scripts, which can't be static
RUN cargo build --locked --release --target "$(rustc -vV | sed -n 's/^host: //p')" --features "$FEATURES" --bin session-policy-operator && \
    deploy/image/root /image target/*-linux-gnu/release/session-policy-operator

FROM scratch
COPY --from=build /image /
USER 65532:65532
ENTRYPOINT ["/usr/bin/session-policy-operator"]
