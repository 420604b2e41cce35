# MinIO's server alone, built from the Go module proxy where its published image cannot be pulled.
FROM scratch
COPY minio /usr/bin/minio
ENV HOME=/ PATH=/usr/bin
EXPOSE 9000 9001
ENTRYPOINT ["/usr/bin/minio"]
