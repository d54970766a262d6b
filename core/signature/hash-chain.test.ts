import { hash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { PART_NAME } from '#schemas/wire.ts'
import {
  CHAIN_END,
  CHAIN_HEAD,
  chainResult,
  chainStep,
  dataReference,
  hashValue,
  stepReference,
} from './chain-template.ts'
import { buildHashChains, buildTimeStampHashChains, verifyHashChain } from './hash-chain.ts'
import { followsOwnChain } from './own-hash-chain.ts'
import { readHashChain } from './read-hash-chain.ts'
import * as F from './signature-fixture.ts'
import { codeOf } from './signature-fixture.ts'
import { stepDigest } from './step-digest.ts'

const message = (bytes: Buffer | string, index = 0): F.Part => ({
  name: index === 0 ? '/message.xml' : `/attachment${index}`,
  bytes: Buffer.from(bytes),
})

t.test('hash chains of any batch lead from every message to the result', async (t) => {
  const batch = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(batch, (sizes) => {
      const messages = sizes.map((size, index) =>
        Array.from({ length: size }, (_, part) => message(`${index}.${part}`, part)),
      )
      const inputs = messages.map((parts) =>
        parts.map(({ name, bytes }) => ({ name, sha512: hash('sha512', bytes, 'buffer') })),
      )
      const chains = buildHashChains(inputs)
      for (const [index, parts] of messages.entries()) {
        const chain = chains.chain(index)
        const { result } = chains
        if (!followsOwnChain({ result, chain, parts: inputs[index]! })) return false
        const next = inputs[(index + 1) % inputs.length]!
        if (next !== inputs[index] && followsOwnChain({ result, chain, parts: next })) return false
        if (followsOwnChain({ result, chain, parts: [...inputs[index]!, ...next] })) return false
        const { absent } = verifyHashChain({ result: chains.result, chain, parts: F.chainParts(parts) })
        if (absent.length > 0) return false
        const read = verifyHashChain({ result, chain, parts: F.chainParts(parts), file: PART_NAME.hashChain })
        if (read.absent.length > 0) return false
      }
      return true
    }),
    { numRuns: 60 },
  )
  const digests = Array.from({ length: 7 }, () => randomBytes(64))
  const stamped = buildTimeStampHashChains(digests)
  const part = (sha512: Buffer) => [{ name: '/META-INF/signatures.xml', digest: () => sha512 }]
  for (const [index, sha512] of digests.entries()) {
    verifyHashChain({ result: stamped.result, chain: stamped.chain(index), parts: part(sha512) })
  }
  const wrong = { result: stamped.result, chain: stamped.chain(1), parts: part(digests[0]!) }
  t.equal(await codeOf(() => verifyHashChain(wrong)), 'malformed_signature.invalid_hash_chain_ref')
})

t.test('step digests that X-Road publishes (HashChainBuilderTest)', async (t) => {
  const sha256 = (value: Buffer) => ({ digest: 'SHA-256', value }) as const
  const step = (...values: Buffer[]): Buffer => stepDigest(values.map(sha256), 'SHA-256')
  const [one, two, three, four] = ['one', 'two', 'three', 'four'].map((text) =>
    hash('sha256', text, 'buffer'),
  )
  const top = step(step(one!, two!), step(three!, four!))
  t.equal(top.toString('base64'), 'D7oIIfhfp4ToT729xyx991PvstI5XvpW+d7oeWvXw8E=')
  const parts = step(...[11, 12, 13, 14].map((value) => Buffer.of(value)))
  t.equal(parts.toString('base64'), 'v3CBVgjKmzZT5hnJ6vj6waqBazZe334tdEoNiL2oM5E=')
})

function same(one: Map<string, unknown>, other: Map<string, unknown>): boolean {
  return JSON.stringify([...one]) === JSON.stringify([...other])
}

t.test('mutated and hostile hash chains are refused, by the short way and by the reader alike', async (t) => {
  const messages = [0, 1, 2].map((index) => [message(`m${index}`), message(`a${index}`, 1)])
  const chains = buildHashChains(
    messages.map((parts) =>
      parts.map(({ name, bytes }) => ({ name, sha512: hash('sha512', bytes, 'buffer') })),
    ),
  )
  const good = chains.chain(1)
  const parts = F.chainParts(messages[1]!)
  const verify = (chain: Buffer, result = chains.result) =>
    codeOf(() => verifyHashChain({ result, chain, parts }))
  t.equal(await verify(good), 'accepted')
  const digests = messages[1]!.map(({ name, bytes }) => ({ name, sha512: hash('sha512', bytes, 'buffer') }))
  t.ok(followsOwnChain({ result: chains.result, chain: good, parts: digests }))
  for (let at = 0; at < chains.result.length; at++) {
    const result = Buffer.from(chains.result)
    result[at]! ^= 1
    if (followsOwnChain({ result, chain: good, parts: digests }))
      t.fail(`short way: bit of the result at ${at}`)
  }
  for (let at = 0; at < good.length; at++) {
    for (const bit of [1, 4, 32]) {
      const chain = Buffer.from(good)
      chain[at]! ^= bit
      if ((await verify(chain)) === 'accepted') {
        // Only white space (between attributes, for example) may change; the content that is read must not.
        t.ok(same(readHashChain(chain), readHashChain(good)), `bit at ${at}`)
      }
      if (followsOwnChain({ result: chains.result, chain, parts: digests })) t.fail(`short way: bit at ${at}`)
    }
  }
  const text = good.toString()
  const hostile: [why: string, text: string][] = [
    ['truncated', text.slice(0, -10)],
    ['trailing', `${text}x`],
    ['two roots', text + text.slice(text.indexOf('<HashChain'))],
    ['comment', text.replace('<HashStep', '<!-- --><HashStep')],
    ['document type', text.replace('<HashChain ', '<!DOCTYPE x []><HashChain ')],
    ['entity', text.replace('/message.xml', '/message&#46;xml')],
    ['cycle', text.replace('#STEP1', '#STEP0')],
    ['step used twice', text.replace('#STEP2', '#STEP1')],
    [
      'unused step',
      text.replace('</HashChain>', '<HashStep id="STEPX"><StepRef URI="#STEP1"/></HashStep></HashChain>'),
    ],
    ['doubled step', text.replace('id="STEP1"', 'id="STEP0"')],
    ['other file', text.replace('"#STEP1"', '"/other.xml#STEP1"')],
    ['transform', text.replace('"><ds:DigestValue>', '"><ds:Transforms></ds:Transforms><ds:DigestValue>')],
    ['SHA-1', text.replace('xmlenc#sha512', 'xmldsig#sha1')],
    ['unknown namespace', text.replace('cyber.ee/hashchain', 'cyber.ee/other')],
    ['not ASCII', text.replace('STEP0', 'STÉP0')],
    ['deep', `<HashChain xmlns="http://cyber.ee/hashchain">${'<HashStep id="a">'.repeat(5000)}`],
    ['empty', ''],
    ['huge', text.replace('/message.xml', `/${'x'.repeat(200_000)}`)],
    ['many steps', text.replace('</HashChain>', `${'<HashStep id="S"/>'.repeat(100)}</HashChain>`)],
  ]
  for (const [why, chain] of hostile) {
    t.equal(await verify(Buffer.from(chain)), 'malformed_hash_chain', why)
    t.notOk(followsOwnChain({ result: chains.result, chain: Buffer.from(chain), parts: digests }), why)
  }
  // A signature over some messages must not be valid for another message.
  const sha = (value: string): Buffer => hash('sha512', value, 'buffer')
  const step = (...values: Buffer[]): Buffer =>
    stepDigest(
      values.map((value) => ({ digest: 'SHA-512', value })),
      'SHA-512',
    )
  const data = (name: string, value: Buffer): string => dataReference(name, value.toString('base64'))
  const other = (value: Buffer): string => hashValue(value.toString('base64'))
  const [request, second] = [sha('m1'), sha('a1')]
  const reread: [why: string, top: Buffer, chain: string[], code: string][] = [
    [
      'as the builder would',
      step(request, second),
      [data('/message.xml', request) + data('/attachment1', second)],
      'accepted',
    ],
    [
      'messages of two steps as one with its attachment',
      step(step(request), step(second)),
      [stepReference(1) + stepReference(2), data('/message.xml', request), data('/attachment1', second)],
      'malformed_hash_chain',
    ],
    [
      'a message above another',
      step(request, step(second, sha('x'))),
      [data('/message.xml', request) + stepReference(1), data('/attachment1', second) + other(sha('x'))],
      'malformed_hash_chain',
    ],
    [
      'in another order',
      step(second, request),
      [data('/attachment1', second) + data('/message.xml', request)],
      'malformed_hash_chain',
    ],
    [
      'the same message twice',
      step(request, request),
      [data('/message.xml', request) + data('/message.xml', request)],
      'malformed_signature.hashchain_unused_inputs',
    ],
    [
      'a result as a step',
      step(step(request, second)),
      [other(step(request, second))],
      'malformed_signature.hashchain_unused_inputs',
    ],
  ]
  for (const [why, top, steps, code] of reread) {
    const chain = Buffer.from(
      CHAIN_HEAD + steps.map((items, index) => chainStep(index, items)).join('') + CHAIN_END,
    )
    const signed = Buffer.from(chainResult('/sig-hashchain.xml', top.toString('base64')))
    t.equal(await verify(chain, signed), code, why)
    const followed = followsOwnChain({ result: signed, chain, parts: digests })
    t.equal(followed, code === 'accepted', `short way: ${why}`)
    // A step with another digest algorithm has another digest, since the algorithm's name is hashed too.
    const renamed = chain
      .toString()
      .replace('<StepRef', '<StepRef ')
      .replace('xmlenc#sha512', 'xmlenc#sha256')
    t.not(await verify(Buffer.from(renamed), signed), 'accepted', `other digest: ${why}`)
    for (const change of ['==', '= =', '==\n', '=='.replace('=', '%3D')].slice(1))
      t.not(
        await verify(Buffer.from(chain.toString().replace('==<', `${change}<`)), signed),
        'accepted',
        'base64',
      )
  }
  const result = (change: (text: string) => string) => Buffer.from(change(chains.result.toString()))
  t.equal(
    await verify(
      good,
      result((text) => text.replace('/sig-hash', '/ts-hash')),
    ),
    'malformed_signature.invalid_hash_chain_ref',
  )
  t.equal(
    await verify(
      good,
      result((text) => text.replace('STEP0', 'STEP1')),
    ),
    'malformed_hash_chain',
  )
  t.equal(await verify(good, Buffer.from('foobar')), 'malformed_hash_chain')
})
