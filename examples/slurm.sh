#!/bin/bash
# Two machines of a Slurm cluster: sbatch examples/slurm.sh
# A task that fails ends the step; the job is queued again and goes on from its backup.
#SBATCH --job-name=train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --open-mode=append

# train.strategy() finds the tasks of the step by itself. The folder is on a shared disk.
srun --kill-on-bad-exit=1 python examples/train.py --folder "$SLURM_SUBMIT_DIR/run1" --timeout 300
status=$?
if [ "$status" -ne 0 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
