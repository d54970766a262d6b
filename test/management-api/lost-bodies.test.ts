/**
 * A stored body over 64 KiB, in a file of its own or in a shared one, that is missing or was altered: the
 * caller gets a fault, and the server goes on.
 */

import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { signedRecord, spoolBody } from '#security-server/message-log/fixture.ts'
import { type AdminWorld, createAdminWorld, type Reply } from './admin-fixture.ts'

const WHY = 'case=2026-17&reason=complaint'
/** Each in a file of its own; smaller ones share files. */
const LARGE = 1_100_000
const SHARED = 200_000
const OTHER_ANSWERS = 8
const REPLY = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')

/**
 * An exchange with two large bodies; returns its first record and the files of both bodies, the request's
 * first.
 */
async function exchange({ messageLog, bodyFolder }: AdminWorld, bytes = LARGE) {
  const files = (): string[] =>
    globSync(path.join(bodyFolder, '**/*'), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
  const append = async (changes: Parameters<typeof signedRecord>[0]) => {
    const before = new Set(files())
    const body = await spoolBody(messageLog, randomBytes(bytes))
    const { index } = await messageLog.append(await signedRecord({ ...changes, body }))
    await body.discard()
    return { index, name: files().find((name) => !before.has(name))! }
  }
  const { ids, client } = await signedRecord()
  const request = await append({ ids, client })
  const reply = await append({
    ...{ ids, client, kind: 'reply', direction: 'out', outcome: 'ok', answers: request.index },
    message: REPLY,
  })
  // The bundle reads these while it is writing the bodies above.
  const more = { kind: 'reply', direction: 'out', outcome: 'ok', answers: request.index } as const
  for (let n = 0; n < OTHER_ANSWERS; n++)
    await messageLog.append(await signedRecord({ ids, client, ...more, message: REPLY }))
  return { index: request.index, names: [request.name, reply.name] }
}

await t.test('an exchange is verified where no other exchange waits for it', async (t) => {
  const world = await createAdminWorld(t)
  const { index } = await exchange(world, SHARED)
  const steps: string[] = []
  const note = (): void => void steps.push('thread')
  subscribe('worker_threads', note)
  t.teardown(() => unsubscribe('worker_threads', note))
  const { body } = await world.ask('GET', `/message-log/exchanges/${index}/verification`)
  t.match(body, { verdict: /^[A-Z-]+$/, records: [{ index, reason: /./ }, { index: index + 1 }] })
  t.strictSame(steps, ['thread'], 'megabytes are hashed on a thread of their own')

  const { container } = world.messageLog
  world.messageLog.container = (one) => {
    if (one === index) steps.push('bundle')
    return container(one)
  }
  t.teardown(() => Object.assign(world.messageLog, { container }))
  steps.length = 0
  const asked = Array.from({ length: 3 }, () =>
    world.ask('GET', `/message-log/exchanges/${index}/verification`),
  )
  for (const { status } of await Promise.all(asked)) t.equal(status, 200)
  const inTurn = Array.from({ length: 3 }, () => ['bundle', 'thread']).flat()
  t.strictSame(steps, inTurn, 'no bundle is in memory while it waits')
})

await t.test('an exchange whose bodies are missing or altered', async (t) => {
  const world = await createAdminWorld(t)
  const place = (name: string): string => globSync(path.join(world.bodyFolder, '**', name))[0]!
  const flip = (name: string): void => {
    const bytes = readFileSync(place(name))
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(place(name), bytes)
  }
  const remove = (name: string): void => rmSync(place(name))
  for (const [what, harm] of Object.entries({ missing: remove, altered: flip }))
    for (const which of [0, 1])
      await t.test(`${what}: the body of the ${which === 0 ? 'request' : 'reply'}`, async (t) => {
        const { index, names } = await exchange(world)
        const verification = `/message-log/exchanges/${index}/verification`
        t.equal((await world.ask('GET', verification)).status, 200, 'while both are there')
        harm(names[which]!)
        t.match(await world.ask('GET', verification), { status: 500, body: { type: 'log_inconsistent' } })
        for (const url of [`records/${index + which}/container`, `records/${index}/evidence-bundle`]) {
          // Bytes that were sent cannot be called back: the answer breaks off.
          const told = await world.ask('GET', `/message-log/${url}?${WHY}`).catch(() => 'broken off')
          t.ok(told === 'broken off' || (told as Reply).status === 500, url)
        }
        t.equal((await world.ask('GET', `/message-log/exchanges/${index}`)).status, 200, 'the server answers')
      })
  await t.test('missing: the file that both bodies share', async (t) => {
    const { index, names } = await exchange(world, SHARED)
    const verification = `/message-log/exchanges/${index}/verification`
    t.equal((await world.ask('GET', verification)).status, 200, 'while it is there')
    remove(names[0]!)
    t.match(await world.ask('GET', verification), { status: 500, body: { type: 'log_inconsistent' } })
    t.equal((await world.ask('GET', `/message-log/exchanges/${index}`)).status, 200, 'the server answers')
  })
})
