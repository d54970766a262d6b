/**
 * A process that appends under load until it is killed. It prints every acknowledged record and nothing else.
 */
import { readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { openWholeLog } from '../../open-log.ts'
import type { RecordInput } from '../record-input.ts'

// No fixture is imported: loading it takes longer than most of these processes live.
const [folder, databaseUrl] = process.argv.slice(2) as [string, string]
const member = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234' }
const log = await openWholeLog({
  databaseUrl,
  keyFolder: path.join(folder, 'keys'),
  bodyFolder: path.join(folder, 'bodies'),
  server: { ...member, serverCode: 'ss1' },
  node: 'node1',
  clock: () => Date.now(),
})
const recovered = await log.recover()
writeSync(1, `recovered ${recovered}\n`)
setInterval(() => void Promise.all([log.maintain(), log.checkpointNow()]).catch(() => undefined), 20)

const template: RecordInput = {
  kind: 'request',
  direction: 'in',
  ids: { id: 'query', requestId: 'request' },
  client: member,
  service: { ...member, subsystemCode: 'population', serviceCode: 'persons' },
  peer: undefined,
  time: new Date(),
  outcome: '',
  message: readFileSync(path.join(folder, 'message')),
  body: undefined,
  signature: { signatures: readFileSync(path.join(folder, 'signatures.xml')) },
}

const first = Promise.withResolvers<void>()

/** Of each kind: in the row, in a segment, in a file of its own. The signature does not cover it. */
async function bodyOf(n: number): Promise<Partial<RecordInput>> {
  const size = [0, 100_000, 0, 200, 1_100_000][n % 5]!
  if (size === 0) return {}
  const writer = log.spool.begin({ maxBytes: size })
  await writer.write(Buffer.alloc(size, n))
  return { body: await writer.end(), signature: undefined }
}

/** Every second exchange starts a step later, so that some are open whenever this process is killed. */
async function exchange(_: unknown, n: number): Promise<void> {
  if (n % 2 === 1) await first.promise
  for (;;) {
    const request = await log.append({ ...template, time: new Date(), ...(await bodyOf(n)) })
    first.resolve()
    writeSync(1, `${request.index} ${request.leaf.toString('hex')}\n`)
    const answer = { ...template, kind: 'reply', direction: 'out', answers: request.index } as const
    const reply = await log.append({ ...answer, ...(await bodyOf(n + 1)) })
    writeSync(1, `${reply.index} ${reply.leaf.toString('hex')}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, exchange))
