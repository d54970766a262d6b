/**
 * The thread of `inThread` (program-fixture.ts): runs commands of `concordat registry` and
 * `concordat server`, and keeps what they write.
 */
import { answerInTurn } from '#platform/threads/thread-in-turn.ts'
import { run as registry } from '../registry.ts'
import { run as server } from '../server.ts'
import type { Asked, Ran } from './program-fixture.ts'

const PROGRAMS = { registry, server }

answerInTurn<Asked>(async ({ act, args, environment }): Promise<Ran> => {
  const written = { out: '', errors: '' }
  const keep = (stream: 'out' | 'errors') => (text: string | Uint8Array) => {
    written[stream] += typeof text === 'string' ? text : Buffer.from(text).toString()
    return true
  }
  // Of this thread alone.
  process.stdout.write = keep('out')
  process.stderr.write = keep('errors')
  const before = { ...process.env }
  Object.assign(process.env, environment)
  try {
    return { code: await PROGRAMS[act](args), ...written }
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name]
    Object.assign(process.env, before)
  }
})
