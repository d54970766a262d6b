/**
 * One use of a person's data in the logs of both sides, which are real: what each tracker tells of it, with
 * its proof, and the configuration by which it is judged. The Tax Agency (DEV/GOV/1234) asked the Population
 * Agency (DEV/GOV/5678).
 */
import { hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import type { SaidUse } from '#core/evidence-bundle/judge-use.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { methodFor, signValue } from '#core/signature/algorithms.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { idText, memberOf, parseServerId, parseSubsystemId, subsystemOf } from '#schemas/identifiers.ts'
import { logFolder, logOptions, openFullLog, type TestLog } from '#security-server/message-log/fixture.ts'
import { placesOnly } from '#security-server/reading/evidence/places-only.ts'
import {
  CLIENT,
  createVerdictWorld,
  PEER,
  SERVICE,
  signed,
  type VerdictWorld,
} from '#security-server/reading/evidence/verdict-fixture.ts'
import { writeBundle } from '#security-server/reading/evidence/write-bundle.ts'

const SERVER = parseServerId('DEV/GOV/1234/ss1')
const CONTRACT = '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11/2'

type Side = { said: SaidUse; proof: Buffer }

export type ProvenUse = {
  provider: Side
  consumer: Side
  messageId: string
  requestId: string
  shared: SharedParameters
  /** As `GET /verificationconf` gives it. */
  configuration: Buffer
  now: number
  /** The same use again: another message of the same parties, under the same contract, a minute later. */
  again(): Promise<Pick<ProvenUse, 'provider' | 'consumer'>>
}

export async function proveUseOfBoth(t: Test, start: number): Promise<ProvenUse> {
  const world = await createVerdictWorld(t, start)
  const log = await openProvidersLog(t, world)
  const shared = sharedOf(world)
  const ids = { id: 'DEV-1', requestId: '3f0fd6f0-5bd7-4b69-9f3e-bd4dd87e9ba1' }
  const both = await logBoth(world, log, { ...ids, shared })
  return {
    ...both,
    ...{ messageId: ids.id, requestId: ids.requestId, shared, now: world.now },
    configuration: zipOf([
      { name: 'verificationconf/instance-identifier', data: 'DEV' },
      { name: 'verificationconf/DEV/shared-params.xml', data: writeSharedParameters(shared, 6) },
    ]),
    again: async () => {
      world.now += 60_000
      return logBoth(world, log, { id: 'DEV-2', requestId: ids.requestId.replace('3', '4'), shared })
    },
  }
}

async function openProvidersLog(t: Test, world: VerdictWorld): Promise<TestLog> {
  const { certificate, key } = world.provider
  const log = await openFullLog({
    ...logOptions(logFolder(t)),
    ...{ clock: () => world.now, server: PEER },
    signer: {
      ...{ name: 'DEV/GOV/5678', publicKey: publicKeyOf(certificate) },
      sign: (data) => signValue(methodFor(key), key, data),
    },
  })
  t.teardown(() => log.close())
  return log
}

/** Both sides log the same signed messages, each with its own salts and at its own time. */
async function logBoth(
  world: VerdictWorld,
  providers: TestLog,
  { shared, ...ids }: { id: string; requestId: string; shared: SharedParameters },
): Promise<Pick<ProvenUse, 'provider' | 'consumer'>> {
  const messages = ['a request', 'a reply'].map((text) => Buffer.from(`${text} ${ids.id}`)) as [
    Buffer,
    Buffer,
  ]
  const request = { message: messages[0], signature: signed(world, messages[0], world.owner, world.now) }
  const reply = { message: messages[1], signature: signed(world, messages[1], world.provider, world.now) }
  const logged = async (role: SaidUse['role'], log: TestLog): Promise<Side> => {
    const isProvider = role === 'provider'
    world.now += 20
    const time = new Date(world.now)
    const common = {
      ...{ ids, client: CLIENT, service: SERVICE, body: undefined, time, contract: CONTRACT },
      ...{ peer: isProvider ? SERVER : PEER, extra: { userId: 'EE-OFFICIAL' } },
    }
    const [inward, outward] = ['in', 'out'] as const
    const direction = isProvider ? inward : outward
    const { index } = await log.append({ ...common, ...request, kind: 'request', direction, outcome: '' })
    const back = isProvider ? outward : inward
    await log.append({ ...common, ...reply, kind: 'reply', direction: back, outcome: 'ok', answers: index })
    await log.checkpointNow()
    const { form } = await log.read(index)
    const system = idText(isProvider ? subsystemOf(SERVICE) : CLIENT)
    const record = { index, leaf: leafHash(Buffer.from(form)).toString('base64') }
    const said = { role, system, record, time: time.toISOString(), contract: CONTRACT }
    const signer = isProvider ? world.provider : world.owner
    const source = {
      ...{ log: placesOnly(log), server: idText(isProvider ? PEER : SERVER), made: time },
      configuration: [{ name: 'DEV/shared-params.xml', content: writeSharedParameters(shared, 6) }],
      checkpointSigner: {
        certificates: [signer.certificate.der, world.authority.intermediate.der],
        ocspResponses: world.status(signer.certificate),
      },
    }
    const proof = await buffer(await writeBundle(source, [index, index + 1]))
    return { said: { ...said, outcome: 'given' }, proof }
  }
  return { consumer: await logged('consumer', world.log), provider: await logged('provider', providers) }
}

/** With both systems on their servers. */
function sharedOf(world: VerdictWorld): SharedParameters {
  const shared = world.shared()
  const systems = [CLIENT, subsystemOf(SERVICE)].map((one) => parseSubsystemId(idText(one)))
  return {
    ...shared,
    members: shared.members.map((member) => ({
      ...member,
      subsystems: systems
        .filter((one) => idText(memberOf(one)) === idText(member.id))
        .map((id) => ({ id, name: `System ${id.subsystemCode}` })),
    })),
    securityServers: [SERVER, PEER].map((id, at) => ({
      ...{ id, address: `ss${at}.example`, clients: [systems[at]!] },
      authCertHashes: [hash('sha256', `${at}`, 'buffer')],
    })),
  }
}
