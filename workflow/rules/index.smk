"""Indexes: one row per annotated expression, one per folder of frames; from file names and annotation files alone.

Needs the raw datasets. Makes ``results/index/<dataset>.parquet``, ``.videos.parquet`` and ``.txt`` (the summary) for
each raw dataset and composite in use that can be listed; what cannot be listed fails with its reason.
"""


rule index:
    """List a dataset's expressions and frame folders."""
    input:
        raw=lambda wildcards: plan.sources.raw_files(wildcards.dataset),
    output:
        index="results/index/{dataset}.parquet",
        videos="results/index/{dataset}.videos.parquet",
        summary="results/index/{dataset}.txt",
        record="results/records/index/{dataset}.json",
    log:
        "results/logs/index/{dataset}.log",
    benchmark:
        "results/benchmarks/index/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(plan.sources.indexes),
    priority: PREPROCESSING
    localrule: True
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
        attempt=attempt,
    params:
        rule="index",
        roots=lambda wildcards: flags("root", plan.sources.roots(wildcards.dataset)),
        version=lambda wildcards: plan.sources.version(wildcards.dataset),
        code=lambda wildcards: plan.sources.index_code(wildcards.dataset),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow index"
        " --dataset {wildcards.dataset} {params.roots} --output {output.index} --videos {output.videos}"
        " --summary {output.summary} --record {output.record} > {log} 2>&1"


if plan.sources.unlisted:

    rule unlisted:
        """Say which datasets cannot be listed, and fail, when all else that was asked for is made."""
        input:
            else_made=lambda wildcards: plan.unlisted.before(wildcards.target, workflow.dag_settings.targets),
        output:
            never_made="results/index/.unlisted.{target}",
        log:
            "results/logs/unlisted/{target}.log",
        benchmark:
            "results/benchmarks/unlisted/{target}.tsv"
        wildcard_constraints:
            target="|".join(["all", "datasets", "learning", "models", *plan.unlisted.papers]),
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(500),
            runtime=growing(10),
            attempt=attempt,
        params:
            reasons=lambda wildcards: plan.unlisted.reasons(wildcards.target),
        shell:
            "python -m mexflow unlisted {params.reasons} > {log} 2>&1"
