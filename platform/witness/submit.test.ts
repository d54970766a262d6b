/**
 * A log and its witnesses: what a refusal of the same size means, and a policy in which two keys have one
 * name.
 */
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { parseVerifierKey, writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { createLog } from '#platform/logging/create-log.ts'
import type { AskWitness, WitnessReply } from './ask-witness.ts'
import { createOwnWitnesses } from './own-witnesses.ts'
import { submitTo } from './submit.ts'
import { createTestLog } from './witness-fixture.ts'

const NAME = 'witness.example'
const keyOf = (name: string): string =>
  writeVerifierKey({ name, publicKey: generateKeyPairSync('ed25519').publicKey }, 'witness')

/** A log of `size` entries that has noted no cosignature. */
function logOf(size: () => number) {
  const log = createTestLog()
  const kept: { kind: string; known_note: string }[] = []
  return {
    kept,
    other: (of: number) => log.checkpoint(of, 'two'),
    log: {
      logKey: async () => log.verifierKey,
      newestCheckpoint: async () => log.checkpoint(size()),
      proveConsistency: async () => [],
      putCosignature: async () => undefined,
      newestCosigned: async () => [],
      contradictions: async () => [],
      putContradiction: async (found: { kind: string; known_note: string }) => {
        kept.push(found)
        return true
      },
    },
  }
}

void t.test('a conflict about the same size is another history, not another size', async (t) => {
  let size = 5
  const { log, kept, other } = logOf(() => size)
  const witness = { ...parseVerifierKey(keyOf(NAME), 'witness'), label: 'w', url: undefined }
  const told = (of: number) => ({
    status: 409,
    contentType: 'text/x.tlog.size',
    body: Buffer.from(`${of}\n`),
  })
  const bare = { status: 409, contentType: 'text/plain', body: Buffer.from('conflict') }
  const rooms = { log, now: () => new Date(0) }
  let asked = 0
  const answering =
    (...replies: WitnessReply[]): AskWitness =>
    async ({ method }) => {
      asked++
      if (method === 'GET') return { status: 200, contentType: '', body: Buffer.from(other(5)) }
      return replies.shift() ?? { status: 500, contentType: '', body: Buffer.alloc(0) }
    }
  for (const last of [told(5), bare]) {
    asked = 0
    t.same(await submitTo(witness, answering(told(5), last), rooms), { contradiction: 'fork' })
    t.equal(asked, 3, 'two submissions, and the question for its note')
  }
  t.match(kept, [{ kind: 'fork', known_note: other(5) }, { kind: 'fork' }])
  await t.rejects(
    submitTo(witness, answering(bare), rooms),
    { code: 'malformed_checkpoint' },
    'without a size nothing is known about another one',
  )
  // Another node has submitted a larger checkpoint meanwhile.
  const grows = answering(told(5), told(8), told(8))
  const ask: AskWitness = async (question) => {
    const reply = await grows(question)
    if (reply.body.toString() === '8\n') size = 8
    return reply
  }
  t.same(await submitTo(witness, ask, rooms), { contradiction: 'fork' }, 'it went on from the told size')
})

void t.test('of one name there is one key', async (t) => {
  const { log } = logOf(() => 1)
  const policyOf = (second: string) =>
    parseWitnessPolicy(`witness a ${keyOf(NAME)} https://a\nwitness b ${keyOf(second)} https://b\nquorum a\n`)
  const open = (second: string) =>
    createOwnWitnesses({
      policy: policyOf(second),
      log,
      transport: () => () => Promise.reject(new Error('nobody is asked')),
      clock: () => 0,
      logger: createLog({ name: 'test', level: 'silent' }),
    })
  t.throws(() => open(NAME), { code: 'invalid_configuration', message: /witness\.example/ })
  t.ok(open('other.example'))
})
