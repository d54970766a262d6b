/** Several workers on this machine: cores to run on, and memory for each. */
import { availableParallelism, totalmem } from 'node:os'
import { type Finding, toDo, well } from './finding.ts'

const MIB = 2 ** 20
/** For the first one and for each further one (docs/measured/workers.md). */
const FIRST = 1024 * MIB
const FURTHER = 256 * MIB

/** Bytes: of the machine, or what its control group allows, as in a container. */
export function memoryFor(
  machine: number = totalmem(),
  allowed: number | undefined = process.constrainedMemory(),
): number {
  // Zero, or more than there is, where nothing is limited.
  return allowed === undefined || allowed <= 0 ? machine : Math.min(machine, allowed)
}

/** Nothing for a server that is one process. */
export function lookAtWorkers(
  { workers = 1 }: { workers?: number },
  { cores, bytes } = { cores: availableParallelism(), bytes: memoryFor() },
): Finding[] {
  if (workers <= 1) return []
  const found = `${workers} on ${cores} cores and ${Math.round(bytes / MIB)} MiB`
  const needed = FIRST + (workers - 1) * FURTHER
  if (workers > cores)
    return [
      toDo(
        'workers',
        found,
        `lower workers to ${Math.max(1, cores)}: more than cores take memory and give nothing`,
      ),
    ]
  if (bytes < needed)
    return [toDo('workers', found, `give the machine at least ${needed / MIB} MiB, or lower workers`)]
  return [well('workers', found)]
}
