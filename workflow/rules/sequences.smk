"""Spotting in clips: experiments that spot and recognise at once from sequences of frames, and by feature difference.

Needs the index, aligned faces, and of sequences the motion between them. Makes
``results/folds/<paper>/<experiment>/<fold>/`` with the score of every frame, and of what is trained predictions, states,
history and model.
"""

for batch in plan.batches:
    if batch.input == "sequences":

        rule:
            """Train and test some folds of an experiment that spots and recognises."""
            name:
                batch.name
            input:
                index=f"results/index/{batch.index}.parquet",
                faces=batch.arrays,
                tables=plan.beside(batch.arrays),
                motion=plan.motion(batch.paper, batch.arrays),
            output:
                predictions=batch.files("predictions.parquet"),
                scores=batch.files("scores.parquet"),
                states=batch.files("states.parquet"),
                history=batch.files("history.parquet"),
                models=batch.files("model.pt"),
                record=f"results/records/spot_recognise/{batch.paper}/{{experiment}}/{batch.number}.json",
            log:
                f"results/logs/spot_recognise/{batch.paper}/{{experiment}}/{batch.number}.log",
            benchmark:
                f"results/benchmarks/spot_recognise/{batch.paper}/{{experiment}}/{batch.number}.tsv"
            wildcard_constraints:
                experiment="|".join(batch.experiments),
                fold="|".join(batch.choices),
            priority: batch.priority
            conda:
                "../../envs/mexflow.yaml"
            threads: plan.config.training.threads
            resources:
                mem_mb=growing(4000),
                runtime=growing(2880),
                gpu=plan.gpus,
                attempt=attempt,
                # Here, and not among the params: another value changes no result, so it must not train anything again.
                checkpoint_seconds=plan.config.training.checkpoint_seconds,
            params:
                rule=batch.name,
                paper=batch.paper,
                folds=flags("fold", batch.folds),
                faces=flags("faces", batch.arrays),
                motion=flags("motion", plan.motion(batch.paper, batch.arrays)),
                science=lambda wildcards, paper=batch.paper: plan.sequences_flags(paper, wildcards.experiment),
                device=plan.config.training.device,
                code=lambda wildcards, paper=batch.paper: plan.training_code(
                    "spot_recognise", paper, wildcards.experiment
                ),
            shell:
                "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow spot_recognise"
                " --paper {params.paper} --experiment {wildcards.experiment} {params.folds}"
                " --index {input.index} {params.faces} {params.motion} {params.science}"
                " --threads {threads} --device {params.device}"
                " --checkpoints results/checkpoints/{params.paper}/{wildcards.experiment}"
                " --checkpoint-seconds {resources.checkpoint_seconds}"
                " --output results/folds/{params.paper}/{wildcards.experiment} --record {output.record} > {log} 2>&1"

    if batch.input == "difference":

        rule:
            """Score the test videos of some folds by feature difference."""
            name:
                batch.name
            input:
                index=f"results/index/{batch.index}.parquet",
                faces=batch.arrays,
                tables=plan.beside(batch.arrays),
            output:
                scores=batch.files("scores.parquet"),
                record=f"results/records/difference/{batch.paper}/{{experiment}}/{batch.number}.json",
            log:
                f"results/logs/difference/{batch.paper}/{{experiment}}/{batch.number}.log",
            benchmark:
                f"results/benchmarks/difference/{batch.paper}/{{experiment}}/{batch.number}.tsv"
            wildcard_constraints:
                experiment="|".join(batch.experiments),
                fold="|".join(batch.choices),
            conda:
                "../../envs/mexflow.yaml"
            resources:
                mem_mb=growing(2000),
                runtime=growing(120),
                attempt=attempt,
            params:
                rule=batch.name,
                paper=batch.paper,
                folds=flags("fold", batch.folds),
                faces=flags("faces", batch.arrays),
                science=lambda wildcards, paper=batch.paper: plan.difference_flags(paper, wildcards.experiment),
                code=plan.code("difference"),
            shell:
                "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow difference"
                " --paper {params.paper} --experiment {wildcards.experiment} {params.folds}"
                " --index {input.index} {params.faces} {params.science}"
                " --output results/folds/{params.paper}/{wildcards.experiment} --record {output.record} > {log} 2>&1"
