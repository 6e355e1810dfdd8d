"""Spotting: the intervals that are cut from the scores of long videos, apart, so that another threshold trains nothing.

Needs the index and the scores of each fold. Makes ``thresholds.parquet`` and ``intervals.parquet`` beside the scores, in
``results/folds/<paper>/<experiment>/<fold>/``, and on request the figure of one test video.
"""

for batch in plan.batches:
    if "thresholds" not in batch.kind.spotted:
        continue

    rule:
        """Thresholds and intervals of some folds of a spotting experiment."""
        name:
            batch.name.replace("train_", "intervals_")
        input:
            index=f"results/index/{batch.index}.parquet",
            scores=batch.file("scores.parquet"),
        output:
            thresholds=batch.file("thresholds.parquet"),
            intervals=batch.file("intervals.parquet"),
            record=f"results/records/intervals/{batch.paper}/{{experiment}}/{batch.number}.json",
        log:
            f"results/logs/intervals/{batch.paper}/{{experiment}}/{batch.number}.log",
        benchmark:
            f"results/benchmarks/intervals/{batch.paper}/{{experiment}}/{batch.number}.tsv"
        wildcard_constraints:
            experiment="|".join(batch.experiments),
            fold="|".join(batch.choices),
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule=batch.name.replace("train_", "intervals_"),
            paper=batch.paper,
            folds=flags("fold", batch.folds),
            science=plan.intervals_flags(batch.paper),
            code=plan.code("intervals"),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow intervals"
            " --folds results/folds/{params.paper}/{wildcards.experiment} {params.folds} --index {input.index}"
            " {params.science} --record {output.record} > {log} 2>&1"


for paper in plan.spotting_papers:

    rule:
        """The scores, the true and the predicted intervals of one test video, on request."""
        name:
            f"video_{paper}"
        input:
            paper=plan.paper_file(paper),
            index=lambda wildcards, paper=paper: plan.index_of(paper, wildcards.experiment),
            tables=lambda wildcards, paper=paper: told(
                plan.video_tables, paper, wildcards.experiment, wildcards.subject
            ),
        output:
            png=f"results/figures/{paper}/videos/{{experiment}}/{{variant}}/{{subject}}/{{video}}.png",
            svg=f"results/figures/{paper}/videos/{{experiment}}/{{variant}}/{{subject}}/{{video}}.svg",
            record=f"results/records/video/{paper}/{{experiment}}/{{variant}}/{{subject}}/{{video}}.json",
        log:
            f"results/logs/video/{paper}/{{experiment}}/{{variant}}/{{subject}}/{{video}}.log",
        benchmark:
            f"results/benchmarks/video/{paper}/{{experiment}}/{{variant}}/{{subject}}/{{video}}.tsv"
        wildcard_constraints:
            experiment="|".join(plan.spotting_papers[paper]),
            variant="[^/]+",
            subject="[^/]+",
            video="[^/]+",
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule=f"video_{paper}",
            fold=lambda wildcards, input: Path(input.tables[0]).parent,
            prefix=lambda wildcards, output: output.png.removesuffix(".png"),
            budget=plan.config.budget,
            reading=plan.config.reading,
            data=plan.data(paper),
            code=plan.code("video"),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow video"
            " --paper {input.paper:q} --experiment {wildcards.experiment} --variant {wildcards.variant:q}"
            " --fold {params.fold:q} --video {wildcards.video:q} --index {input.index}"
            " --budget {params.budget} --reading {params.reading} --data {params.data:q} --output {params.prefix:q}"
            " --record {output.record} > {log} 2>&1"
