import { readdirSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { writeAnchor } from '#core/configuration/anchor.ts'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { memoryOf, packShared } from '#core/configuration/pack-shared.ts'
import { writePrivateParameters } from '#core/configuration/private-parameters.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { placeOf, sortedNumbers, tableOf, textAt } from '#core/configuration/text-table.ts'
import { unpackShared } from '#core/configuration/unpack-shared.ts'
import { Fault } from '#schemas/fault.ts'
import type {
  ConfigurationAnchor,
  SecurityServerInfo,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import type { MemberId } from '#schemas/identifiers.ts'
import { samplePrivate, sampleShared } from '#test/fakes/configuration-sample.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { codeOf, createWorld } from '#test/fakes/configuration-world.ts'
import { until } from '#test/until.ts'
import { withParametersReader } from './read-parameters.ts'

// Before all other imports, so that a load of the library on this thread (instead of the reader's) is
// noticed.
const loaded: string[] = []
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === 'libxml2-wasm') loaded.push(context.parentURL ?? '')
    return next(specifier, context)
  },
})

const { certificate } = createConfigurationSigner('CA')
const shared = sampleShared({ instance: 'DEV', certificate })
const sharedXml = writeSharedParameters(shared, 6)
const anchor: ConfigurationAnchor = {
  generatedAt: new Date('2026-01-01T00:00:00Z'),
  instance: 'DEV',
  sources: [{ downloadUrl: 'http://registry/internalconf', verificationCerts: [certificate] }],
}

/** Shared parameters of at least `bytes` bytes: members with subsystems, one server each. */
function largeShared(bytes: number): { xml: Buffer; members: number } {
  const one = sharedOf(2)
  const perMember = writeSharedParameters(sharedOf(3), 6).length - writeSharedParameters(one, 6).length
  const members = Math.ceil(bytes / perMember)
  return { xml: writeSharedParameters(sharedOf(members), 6), members }
}

function sharedOf(count: number): SharedParameters {
  const members = Array.from({ length: count }, (_, at) => {
    const id = { instance: 'DEV', memberClass: 'GOV', memberCode: String(10_000_000 + at) }
    const subsystems = ['a', 'b', 'c', 'd'].map((code) => ({
      id: { ...id, subsystemCode: code },
      name: code,
    }))
    return { id, memberClassDescription: 'Government', name: `Agency ${id.memberCode}`, subsystems }
  })
  const securityServers = members.map(({ id, subsystems }, at) => ({
    id: { ...id, serverCode: 'ss1' },
    address: `ss${at}.example`,
    authCertHashes: [Buffer.alloc(32, String(at))],
    clients: subsystems.map((subsystem) => subsystem.id),
  }))
  return { ...shared, members, securityServers, globalGroups: [] }
}

/** The number of reader threads of this process, by their name in the operating system. */
const threads = (): number =>
  readdirSync('/proc/self/task').filter((id) => nameOf(id).startsWith('configuration')).length

function nameOf(id: string): string {
  try {
    return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

const untilNoThread = (): Promise<boolean> =>
  until('the end of the threads', (saw) => saw(threads()) === 0, { pauseMs: 50 })

void t.test('values come back as what they are', async (t) => {
  const [packed, readPrivate, readAnchor, during] = await withParametersReader(async (read) => [
    await read('shared', sharedXml),
    await read('private', writePrivateParameters(samplePrivate({ instance: 'DEV', certificate }))),
    await read('anchor', writeAnchor(anchor)),
    threads(),
  ])
  t.equal(during, 1, 'one thread for all')
  const read = unpackShared(packed)
  t.ok(isDeepStrictEqual(writeSharedParameters(read, 6), sharedXml), 'shared parameters are whole')
  t.ok(Buffer.isBuffer(read.approvedCas[0]?.topCa.cert), 'bytes are Buffers')
  t.ok(Buffer.isBuffer(read.securityServers[0]?.authCertHashes[0]))
  t.ok(isDeepStrictEqual(read, await parseSharedParameters(sharedXml)), 'as the parser gives them')
  t.equal(
    readPrivate.timeStampingIntervalSeconds,
    samplePrivate({ instance: 'DEV', certificate }).timeStampingIntervalSeconds,
  )
  t.ok(isDeepStrictEqual(readAnchor, anchor), 'times are Dates')
  t.ok(await untilNoThread(), 'the thread has ended')
})

void t.test('shared parameters cross whole, their memory as it stands', async (t) => {
  const cross = (parsed: SharedParameters): SharedParameters => {
    const packed = packShared(parsed)
    const crossed = structuredClone(packed, { transfer: memoryOf(packed) })
    t.equal(packed.clients.texts.bytes.length, 0, 'nothing stays behind')
    return unpackShared({ ...crossed, few: parsed })
  }
  const [gov, com] = shared.members.map(({ id }) => id) as [MemberId, MemberId]
  const [first] = shared.securityServers as [SecurityServerInfo]
  const cases: Partial<SharedParameters>[] = [
    {},
    { members: [], securityServers: [], globalGroups: [] },
    { members: shared.members.map((member) => ({ ...member, subsystems: [] })), securityServers: [] },
    {
      securityServers: [
        { ...first, address: undefined, authCertHashes: [], clients: [gov, com, gov], maintenance: {} },
        { ...first, id: { ...com, serverCode: 'x' }, maintenance: { message: 'until noon' } },
      ],
    },
    {
      globalGroups: [
        { groupCode: 'none', description: '', members: [] },
        {
          groupCode: 'foreign',
          description: 'Members of other instances',
          members: [{ ...gov, instance: 'FI' }, { ...com, instance: 'EE', subsystemCode: 'x' }, com],
        },
        { groupCode: 'last', description: 'Ä', members: [gov] },
      ],
    },
  ]
  for (const changed of cases) {
    const parsed = { ...shared, ...changed }
    t.ok(isDeepStrictEqual(cross(parsed), parsed), Object.keys(changed).join(', '))
  }
  const { classes } = packShared(sharedOf(100)).members
  t.strictSame(classes, ['Government'], 'once what many have in common')
})

void t.test('any codes and names are found again', async (t) => {
  // Codes that configurations may contain, including some that no path can contain.
  const code = fc.string({
    unit: fc.constantFrom(...'aZ09-._~%/:;\\ ,!Ä\u00e9\u4e2d&<'),
    minLength: 1,
    maxLength: 12,
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(code, { maxLength: 20 }),
      fc.array(fc.string(), { maxLength: 20 }),
      (codes, names) => {
        const members = codes.map((memberCode, at) => {
          const id = { instance: 'DEV', memberClass: 'GOV', memberCode }
          const subsystems = codes.map((subsystemCode) => ({ id: { ...id, subsystemCode }, name: names[at] }))
          return { id, memberClassDescription: names[0] ?? '', name: names[at] ?? '', subsystems }
        })
        const parameters = { ...shared, members, securityServers: [], globalGroups: [] }
        const index = indexConfiguration(parameters)
        return (
          isDeepStrictEqual(index.shared, parameters) &&
          members.every(({ id, name }) => index.memberName(id) === name) &&
          members.every(({ subsystems }) => subsystems.every(({ id }) => index.isRegistered(id))) &&
          !index.isRegistered({ instance: 'DEV', memberClass: 'GOV', memberCode: 'b' })
        )
      },
    ),
    { numRuns: 200 },
  )
  const texts = ['b', '', 'a', 'b', 'aa']
  const [table, sorted] = [tableOf(texts), sortedNumbers(texts)]
  t.same(
    [...sorted].map((at) => texts[at]),
    ['', 'a', 'aa', 'b', 'b'],
  )
  t.same(placeOf(table, sorted, 'b'), { at: 3, isThere: true }, 'the first of equals')
  t.same(placeOf(table, sorted, 'c'), { at: 5, isThere: false })
  t.same(placeOf(tableOf([]), sortedNumbers([]), ''), { at: 0, isThere: false })
  const names = [undefined, '', '\u00ff', undefined]
  t.same(
    [0, 1, 2, 3].map((at) => textAt(tableOf(names), at)),
    names,
  )
})

void t.test('faults come back as they were thrown, and the next document is read', async (t) => {
  const bad = sharedXml.subarray(0, 500)
  const [syntax, content, anchorFault, good] = await withParametersReader((read) => {
    const faultOf = (reading: Promise<unknown>): Promise<unknown> =>
      reading.catch((thrown: unknown) => thrown)
    const doubled = Buffer.from(sharedXml.toString().replace('<globalSettings>', '<globalSettings><x/>'))
    return Promise.all([
      faultOf(read('shared', bad)),
      faultOf(read('shared', doubled)),
      faultOf(read('anchor', Buffer.from('<x/>'))),
      read('shared', sharedXml),
    ])
  })
  t.ok(syntax instanceof Fault)
  t.match(syntax, {
    code: 'malformed_global_conf',
    what: 'it is not well-formed XML',
    cause: /^Error: Premature end of data/,
  })
  t.match(content, { code: 'malformed_global_conf', what: /globalSettings: / })
  t.match(anchorFault, { code: 'malformed_anchor', what: /root element/ })
  t.match((anchorFault as Fault).detail, /^[0-9a-f-]{36}$/)
  t.equal(good.few.instance, 'DEV', 'the one asked for at the same time is not drawn into it')
  t.equal(await codeOf(withParametersReader(() => Promise.reject(new Fault('io_error')))), 'io_error')
  t.ok(await untilNoThread())
})

void t.test('a document beyond the bounds is refused, the process lives', async (t) => {
  const { xml } = largeShared(20_000_000)
  const small = { timeMs: 120_000, oldGenerationMb: 20 }
  const outcomes = await withParametersReader(async (read) => {
    const memory = await read('shared', xml).catch((thrown: unknown) => thrown)
    return [memory, await read('shared', sharedXml)] as const
  }, small)
  t.match(outcomes[0], {
    code: 'malformed_global_conf',
    what: 'it could not be read within the bounds',
    cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
  })
  t.equal(outcomes[1].few.instance, 'DEV', 'a new thread reads the next one')
  const late = withParametersReader((read) => read('shared', xml), { timeMs: 1, oldGenerationMb: 512 })
  await t.rejects(late, { code: 'malformed_global_conf', what: 'reading it took longer than 1 ms' })
  t.ok(await untilNoThread())
})

void t.test('documents of 10 and of 60 MB are read', async (t) => {
  for (const bytes of [10_000_000, 60_000_000]) {
    const { xml, members } = largeShared(bytes)
    t.ok(xml.length >= bytes)
    let turns = 0
    const counting = setInterval(() => turns++, 1)
    const read = await withParametersReader((read) => read('shared', xml))
    clearInterval(counting)
    t.equal(read.members.at.length, members)
    t.equal(unpackShared(read).securityServers.at(-1)?.clients.length, 4)
    t.ok(turns > 20, `${turns} turns of the event loop meanwhile`)
  }
  t.ok(await untilNoThread())
})

void t.test('a server never loads the XML library itself', async (t) => {
  const world = await createWorld(t)
  await world.ready({ name: 'one' })
  t.equal((await world.open()).current().instance, 'DEV')
  t.strictSame(loaded, [])
  await import('libxml2-wasm')
  t.equal(loaded.length, 1, 'this would have been seen')
})
