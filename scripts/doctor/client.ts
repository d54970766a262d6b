/** What a running server says of itself. */
import { isIP } from 'node:net'
import { Agent, request } from 'undici'
import { type Finding, toDo, well, whyOf } from './finding.ts'

type Listener = { address: string; port: number; certificateFile?: string }
type Check = { name: string; ok: boolean; reason?: string }

const TIMEOUT_MS = 5000
const EVERYWHERE: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }

/**
 * Each check of /health/ready at the listener for administrators or monitoring; those that are well in one
 * line.
 */
export async function lookAtHealth(settings: object): Promise<Finding[]> {
  const { admin, monitoring } = settings as { admin?: Listener; monitoring?: Listener }
  const listener = admin ?? monitoring
  if (listener === undefined) return []
  let checks: Check[]
  try {
    checks = await askHealth(listener)
  } catch (thrown) {
    return [toDo('health', `no answer (${whyOf(thrown)})`, 'look at the log of the server')]
  }
  const failing = checks.filter(({ ok }) => !ok)
  return [
    well('health', `${checks.length - failing.length} of ${checks.length} checks are well`),
    ...failing.map(({ name, reason }) =>
      toDo(`health, ${name}`, reason ?? 'not well', 'docs/operating.md, Watching, says what to do'),
    ),
  ]
}

async function askHealth({ address, port, certificateFile }: Listener): Promise<Check[]> {
  const host = EVERYWHERE[address] ?? (isIP(address) === 6 ? `[${address}]` : address)
  // Nothing is sent and nothing believed but for telling it here, so its own certificate will do.
  const dispatcher = new Agent({
    connect: { timeout: TIMEOUT_MS, rejectUnauthorized: false },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })
  try {
    const url = `${certificateFile === undefined ? 'http' : 'https'}://${host}:${port}/health/ready`
    const { body } = await request(url, { dispatcher })
    const { checks } = (await body.json()) as { checks?: Check[] }
    if (!Array.isArray(checks)) throw new Error('another program answers')
    return checks
  } finally {
    await dispatcher.destroy()
  }
}
