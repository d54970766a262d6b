/** `--check`: whether what the settings name can be reached as they say. Nothing is begun. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Finding } from '#platform/health/create-health.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault } from '#schemas/fault.ts'
import { readWorkerSettings, type Worker, type WorkerSettings } from './serve-worker.ts'

export type Probe = {
  /** Looked at again and again until each is well or the time is over. */
  findings: Record<string, () => Finding | Promise<Finding>>
  close(): Promise<void>
}

const DEADLINE_MS = 15_000
const PAUSE_MS = 100

/** One line for each finding; the exit code: 0 if all are well, 1 if not, 2 for wrong settings. */
export async function probeWorker<S extends WorkerSettings>(
  worker: Pick<Worker<S>, 'name' | 'schema' | 'prefix' | 'check'>,
  open: (settings: S, log: ReturnType<typeof createLog>) => Promise<Probe>,
  file: string,
  environment: Record<string, string | undefined>,
): Promise<number> {
  const log = createLog({ name: `${worker.name}-adapter`, level: 'silent' })
  try {
    const { findings, close } = await open(await readWorkerSettings(worker, file, environment), log)
    const until = performance.now() + DEADLINE_MS
    const found = await Promise.all(
      Object.entries(findings).map(async ([name, look]) => ({ name, ...(await patiently(look, until)) })),
    )
    await close()
    for (const { name, ok, reason } of found)
      process.stdout.write(`${name}: ${ok ? 'well' : printable(String(reason ?? 'not well'))}\n`)
    return found.every(({ ok }) => ok) ? 0 : 1
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    process.stderr.write(`${worker.name}-adapter: ${printable(message)}\n`)
    return code === 'invalid_configuration' ? 2 : 1
  }
}

async function patiently(look: () => Finding | Promise<Finding>, until: number): Promise<Finding> {
  for (;;) {
    const finding = await look()
    if (finding.ok || performance.now() > until) return finding
    await wait(PAUSE_MS)
  }
}
