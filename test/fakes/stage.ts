/**
 * The stage for lies between servers: a sandbox, two rogue members with servers of their own, a provider's
 * system that counts calls, and `tell`, which sends a request that is honest except for the given lie.
 */
import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { Test } from 'tap'
import type { HeaderList } from '#core/transport/header-list.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import { wholeProcess } from '#scripts/test/current-file.ts'
import { until } from '#test/until.ts'
import { SELDOM_ASKED, shareWorld } from '../running-world.ts'
import type { Admin, World } from '../world.ts'
import type { Credential } from './credentials.ts'
import { addService, type ProviderSystem, startProviderSystem } from './provider-system.ts'
import * as R from './rogue-server.ts'

export type Lie = {
  requestId?: string
  client?: string
  target?: string
  method?: string
  headers?: HeaderList
  message?: Buffer
  body?: Buffer | undefined
  signer?: R.Signer
  signingTime?: Date
  chained?: boolean
  ocsp?: R.Part[]
  /** Changes the parts just before they are sent. */
  parts?: (parts: R.Part[]) => R.Part[]
  content?: (content: R.Content) => R.Content
  transport?: Record<string, string | undefined>
  credential?: { cert: string; key: string } | undefined
  agent?: https.Agent | undefined
}

type Told = R.PeerAnswer & { requestId: string }

type Stage = {
  world: World
  rogue: R.Rogue
  other: R.Rogue
  provider: ProviderSystem
  trust: R.Trust
  /** The target of the provider's service "echo", which rogue, other and tax may call. */
  ECHO: string
  honest: { signer: R.Signer; ocsp: R.Part[] }
  signerOf(of: Credential): Promise<R.Signer>
  ocspParts(of: Credential): Promise<R.Part[]>
  /** The parts of a request that is honest except for `lie`. */
  partsOf(lie: Lie, requestId: string): R.Part[]
  tell(lie: Lie): Promise<Told>
  /**
   * Asserts that the lie is refused with this code and that no provider's system was called. With `recorded`
   * false the peer was not authenticated or its message not readable, so that there is nothing to record.
   */
  refused(t: Test, what: string, lie: Lie, code: RegExp | string, recorded?: boolean): Promise<void>
  /** Refused requests by request id, which must be on record; and fault ids that must be in the log. */
  onRecord: Map<string, string>
  details: string[]
  stop(): void
}

type Cast = Pick<Stage, 'rogue' | 'other' | 'provider'>

const casts = new WeakMap<World, Promise<Cast>>()

/** Who plays, for all files that share the world. */
async function castIn(world: World): Promise<Cast> {
  const { population, tax } = world.servers
  const rogue = await R.admitRogue(world, '1004', world.address(4))
  const other = await R.admitRogue(world, '1005', world.address(5))
  const provider = await startProviderSystem(world.address(40))
  wholeProcess.teardown(() => provider.close())
  await addService(world.admin.population, {
    provider: population.client,
    serviceCode: 'echo',
    url: provider.url,
    grants: [{ client: rogue.client }, { client: other.client }, { client: tax.client }],
  })
  await world.publish()
  return { rogue, other, provider }
}

export async function openStage(): Promise<Stage> {
  const world = await shareWorld(SELDOM_ASKED)
  const { population } = world.servers
  const cast = casts.get(world) ?? castIn(world)
  casts.set(world, cast)
  const { rogue, other, provider } = await cast
  provider.calls.length = 0
  const trust = await R.openTrust(world)
  const ECHO = `/r1/${population.client}/echo`
  const signerOf = async (of: Credential): Promise<R.Signer> => ({
    ...of,
    intermediates: [trust.intermediate],
    ocspResponses: [await trust.ocsp(of.certificate), await trust.ocsp(trust.intermediate)],
  })
  const ocspParts = async (of: Credential): Promise<R.Part[]> => [
    [PART_TYPE.ocsp, await trust.ocsp(of.certificate)],
    [PART_TYPE.ocsp, await trust.ocsp(trust.intermediate)],
  ]
  const honest = { signer: await signerOf(rogue.signing), ocsp: await ocspParts(rogue.authentication) }
  // It ends an idle connection before the server does, which would else do so when a request is just on its
  // way.
  const kept = { keepAlive: true, maxSockets: 2, timeout: 10_000 }
  const agent = new https.Agent({ ...kept, rejectUnauthorized: false })
  const onRecord = new Map<string, string>()
  const details: string[] = []

  function partsOf(lie: Lie, requestId: string): R.Part[] {
    const { client = rogue.client, target = ECHO, body, signer = honest.signer, headers = [] } = lie
    const method = lie.method ?? (body === undefined ? 'GET' : 'POST')
    const message = lie.message ?? R.requestMessage({ client, target, method, requestId, headers })
    const { signingTime, chained = false } = lie
    return [
      ...(lie.ocsp ?? honest.ocsp),
      [PART_TYPE.restRequest, message],
      ...(body === undefined ? [] : [[PART_TYPE.restBody, body] as R.Part]),
      ...R.signParts(signer, message, body, { signingTime, chained }),
    ]
  }

  async function tell(lie: Lie): Promise<Told> {
    const requestId = lie.requestId ?? R.newId()
    const parts = partsOf(lie, requestId)
    const content = R.multipart(lie.parts?.(parts) ?? parts)
    const answer = await R.post(population, {
      requestId,
      content: lie.content?.(content) ?? content,
      credential: 'credential' in lie ? lie.credential : rogue.authentication,
      headers: lie.transport ?? {},
      agent: 'agent' in lie ? lie.agent : agent,
    })
    return { ...answer, requestId }
  }

  return {
    ...{
      world,
      rogue,
      other,
      provider,
      trust,
      ECHO,
      honest,
      signerOf,
      ocspParts,
      partsOf,
      tell,
      onRecord,
      details,
    },
    async refused(t, what, lie, code, recorded = true) {
      const before = provider.calls.length
      const { type, detail, requestId } = await tell(lie)
      const expected = typeof code === 'string' ? new RegExp(`^server\\.serverproxy\\.${code}$`) : code
      t.match(type, expected, what)
      if (provider.calls.length !== before) t.fail(`${what}: the provider was called`)
      if (detail !== '') details.push(detail)
      if (recorded) onRecord.set(requestId, what)
    },
    stop: () => agent.destroy(),
  }
}

/**
 * For the end of a file: each refusal of an authenticated peer is a signed record, each fault a line of the
 * log.
 */
export async function checkRecords(t: Test, { world, onRecord, details }: Stage): Promise<void> {
  t.ok(onRecord.size > 0)
  // The rows of the search index come later than the records.
  await until(
    `${onRecord.size} refusals on record`,
    async (saw) => {
      const refusals = await refusedIds(world.admin.population)
      return saw([...onRecord].filter(([id]) => !refusals.has(id))).length === 0
    },
    { pauseMs: 250 },
  )
  const log = readFileSync(world.servers.population.logFile, 'utf8')
  t.strictSame(
    details.filter((detail) => !log.includes(detail)),
    [],
    `${details.length} detail ids`,
  )
  t.strictSame(
    log.split('\n').filter((line) => line.includes('internal_error')),
    [],
    'no surprise among them',
  )
  t.ok(world.isAlive())
}

async function refusedIds(admin: Admin): Promise<Set<string>> {
  const ids = new Set<string>()
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const query = `kind=refusal&direction=out&limit=500&before=${before}`
    const rows = await admin.get<{ index: number; requestId: string }[]>(`/message-log/records?${query}`)
    for (const { requestId } of rows) ids.add(requestId)
    if (rows.length < 500) return ids
    before = rows.at(-1)!.index
  }
}
