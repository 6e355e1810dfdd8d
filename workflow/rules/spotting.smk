"""Spotting: a paper's experiments on long videos, fold by fold, and the intervals that are cut from their scores.

Needs the index, and aligned faces and LCN frames of the videos. Makes ``results/folds/<paper>/<experiment>/<fold>/`` with the
score of every frame, history and model; and from the scores thresholds and intervals, so that another threshold trains
nothing again.
"""

for batch in plan.batches:
    if batch.input != "videos":
        continue

    rule:
        """Train some folds of a spotting experiment, and score every frame."""
        name:
            batch.name
        input:
            index=f"results/index/{batch.index}.parquet",
            faces=batch.arrays,
            tables=plan.beside(batch.arrays),
            lcn=plan.lcn(batch.arrays),
        output:
            scores=batch.files("scores.parquet"),
            history=batch.files("history.parquet"),
            models=batch.files("model.pt"),
            record=f"results/records/spot/{batch.paper}/{{experiment}}/{batch.number}.json",
        log:
            f"results/logs/spot/{batch.paper}/{{experiment}}/{batch.number}.log",
        benchmark:
            f"results/benchmarks/spot/{batch.paper}/{{experiment}}/{batch.number}.tsv"
        wildcard_constraints:
            experiment="|".join(batch.experiments),
            fold="|".join(batch.choices),
        conda:
            "../../envs/mexflow.yaml"
        threads: plan.config.training.threads
        resources:
            mem_mb=growing(3000),
            runtime=growing(1440),
            gpu=plan.gpus,
            attempt=attempt,
            # Here, and not among the params: another value changes no result, so it must not train anything again.
            checkpoint_seconds=plan.config.training.checkpoint_seconds,
        params:
            rule=batch.name,
            paper=batch.paper,
            folds=flags("fold", batch.folds),
            faces=flags("faces", batch.arrays),
            lcn=flags("lcn", plan.lcn(batch.arrays)),
            science=lambda wildcards, paper=batch.paper: plan.spotting_flags(paper, wildcards.experiment),
            device=plan.config.training.device,
            code=lambda wildcards, paper=batch.paper: plan.training_code("spot", paper, wildcards.experiment),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow spot"
            " --paper {params.paper} --experiment {wildcards.experiment} {params.folds}"
            " --index {input.index} {params.faces} {params.lcn} {params.science} --threads {threads} --device {params.device}"
            " --checkpoints results/checkpoints/{params.paper}/{wildcards.experiment}"
            " --checkpoint-seconds {resources.checkpoint_seconds}"
            " --output results/folds/{params.paper}/{wildcards.experiment} --record {output.record} > {log} 2>&1"

    rule:
        """Thresholds and intervals of some folds of a spotting experiment."""
        name:
            batch.name.replace("train_", "intervals_")
        input:
            index=f"results/index/{batch.index}.parquet",
            scores=batch.files("scores.parquet"),
        output:
            thresholds=batch.files("thresholds.parquet"),
            intervals=batch.files("intervals.parquet"),
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
            folds=flags("fold", batch.folders),
            science=plan.intervals_flags(batch.paper),
            code=plan.code("intervals"),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow intervals"
            " {params.folds} --index {input.index} {params.science} --record {output.record} > {log} 2>&1"


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
            data=plan.data(paper),
            code=plan.code("video"),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow video"
            " --paper {input.paper:q} --experiment {wildcards.experiment} --variant {wildcards.variant:q}"
            " --fold {params.fold:q} --video {wildcards.video:q} --index {input.index}"
            " --budget {params.budget} --data {params.data:q} --output {params.prefix:q}"
            " --record {output.record} > {log} 2>&1"
