/**
 * A whole instance on this machine: made the first time, with a past if it is to live, and started from what
 * it left afterwards.
 */
import { rmSync } from 'node:fs'
import { bringUp } from './bring-up.ts'
import { makePast } from './past/make-past.ts'
import type { Instance, InstanceOptions } from './running.ts'
import { beginVersion, writeVersion } from './version.ts'

/** Starts everything. When a step fails, stops what has been started. */
export async function startInstance(q: InstanceOptions): Promise<Instance> {
  const { layout, isNew, kind } = q
  if (isNew) {
    rmSync(layout.directory, { recursive: true, force: true })
    beginVersion(layout.directory, kind)
  }
  const past = isNew && kind === 'living'
  if (past) {
    await makePast(q)
    // Whatever becomes of this start, the next one need not make it again.
    writeVersion(layout.directory, kind)
  }
  const instance = await bringUp({ ...q, isNew: isNew && !past })
  writeVersion(layout.directory, kind)
  return { ...instance, isNew }
}
