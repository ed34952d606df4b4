# One image for the Ray head, its workers and the submitter: same Python, same libraries, same code.
#
#   docker build -t pipeline .                                                        CPU
#   docker build -t pipeline --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .   CUDA
#   docker run --rm -v "$PWD:/clips" pipeline run /clips/clip.mp4 --edit age=+2
#   docker run --shm-size 2g --entrypoint ray pipeline start --head --block           a head
#   docker build -t pipeline --build-arg WEIGHTS=bake .            needs no network when it runs
#
# The default generator is for non-commercial use (MODELS.md). Its weights are in the image only with
# WEIGHTS=bake: otherwise the first run takes them into /cache, or `weights pull` does; mount a
# volume there.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# The manifests in deploy/ say the same version: all of a cluster has to have one.
ARG RAY=2.60.0
ARG WEIGHTS=

# opencv-python is the distribution with a window toolkit; these are the libraries it loads. wget is
# what KubeRay's health checks call.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 wget \
    && rm -rf /var/lib/apt/lists/*

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIPELINE_CACHE=/cache

# torch first and from its own index, so that the build argument alone decides between CPU and CUDA.
RUN pip install --index-url "${TORCH_INDEX}" torch==2.13.0 torchvision==0.28.0

WORKDIR /app
COPY pyproject.toml README.md LICENSE MODELS.md ./
COPY pipeline pipeline
COPY stages stages
COPY configs configs
COPY samples samples
RUN pip install ".[all,s3,gcs]" "ray[default]==${RAY}"

RUN useradd --create-home --uid 1000 pipeline \
    && mkdir --parents /cache /clips \
    && chown pipeline:pipeline /cache /clips
USER pipeline
RUN if [ -n "${WEIGHTS}" ]; then pipeline weights pull; fi
WORKDIR /clips
VOLUME ["/cache"]

ENTRYPOINT ["pipeline"]
CMD ["--help"]
