/**
 * A server's contracts, and the registry that they come from: what it lists and how it lies is for the test
 * to say.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { NOBODY_SUSPENDED } from '#core/configuration/suspension-list.ts'
import { readSignedJson, writeSignedJson } from '#core/signature/signed-json.ts'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type ContractItems,
  type ContractList,
} from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { parseServerId, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { hashOf, sealOf } from '#test/fakes/contracts.ts'
import { ocspFor, signingParty } from '#test/fakes/management-requests.ts'
import { authority, GUEST, guest, OWNER, owner } from '#test/fakes/request-world.ts'
import type { Overdue } from '../overdue.ts'
import type { ConfigurationSnapshot } from '../snapshot.ts'
import { type Contracts, createContracts } from './contracts.ts'
import { serverContractMigrations } from './migrations.ts'

export const TAX = parseSubsystemId('DEV/GOV/5678/tax')
export const PERSONS = parseServiceId('DEV/GOV/1234/plain/persons')
const SERVER = parseServerId('DEV/GOV/5678/SS1')

type Played = {
  contracts: Contracts
  clock: { now: number }
  /** What the registry returns next; `list` may change the list before it is signed. */
  registry: {
    required: boolean
    entries: { content: ContractContent; state: string; seals: Buffer[] }[]
    list: (list: ContractList) => object
    signer: Awaited<ReturnType<typeof signingParty>>
    items: (items: ContractItems['items']) => unknown
    asked: string[]
  }
  snapshot: {
    index: ConfigurationIndex
    statementIndex: number | undefined
    overdue(): Overdue | undefined
  }
  /** The ids of contracts in the suspension list. */
  suspended: Set<string>
  /** Restarts the same server. */
  again(): Promise<Contracts>
}

/** The registry signs with the key of a certificate that the configuration names in its sources. */
export const registryKey = await signingParty(authority, 'DEV/GOV/77')

export async function play(database: Database): Promise<Played> {
  await migrate(database, serverContractMigrations)
  const clock = { now: Date.now() }
  const responders = [{ url: 'http://ocsp.example/', cert: authority.ocspResponder.der }]
  const index = indexConfiguration(
    {
      instance: 'DEV',
      sources: [
        {
          address: 'registry.example',
          internalVerificationCerts: [registryKey.certificate.der],
          externalVerificationCerts: [],
        },
      ],
      approvedCas: [
        {
          name: 'CA',
          authenticationOnly: false,
          certificateProfileInfo:
            'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider',
          topCa: { cert: authority.root.der, ocsp: responders },
          intermediateCas: [{ cert: authority.intermediate.der, ocsp: responders }],
        },
      ],
      ocspFreshnessSeconds: 3600,
      ...{ approvedTsas: [], members: [], securityServers: [], globalGroups: [], memberClasses: [] },
    },
    {
      instance: 'DEV',
      anchors: [],
      timeStampingIntervalSeconds: 60,
      managementService: {
        authCertRegServiceAddress: 'https://registry.example:4001/',
        authCertRegServiceCert: Buffer.alloc(1),
      },
    },
  )
  const suspended = new Set<string>()
  const snapshot = {
    index,
    indexFor: (instance: string) => (instance === 'DEV' ? index : undefined),
    statementIndex: 1 as number | undefined,
    overdue: () => undefined as Overdue | undefined,
    suspensionsIn: () => ({ ...NOBODY_SUSPENDED, ofContract: (id: string) => suspended.has(id) }),
  }
  const registry: Played['registry'] = {
    required: true,
    entries: [],
    list: (list) => list,
    signer: registryKey,
    items: (items) => ({ items }),
    asked: [],
  }
  const open = () =>
    createContracts({
      server: SERVER,
      database,
      clock: () => clock.now,
      log: createLog({ name: 'test', level: 'silent' }),
      configuration: () => snapshot as unknown as ConfigurationSnapshot,
      signJson: async ({ document, type }) =>
        writeSignedJson(document, type, [
          { certificates: [guest.certificate], ocspResponses: ocspFor(guest), key: guest.key },
        ]),
      post: async (path, document) => answer(path, document),
    })
  const all = () =>
    registry.entries.flatMap(({ content, seals }) => [Buffer.from(canonicalJson(content)), ...seals])
  function answer(path: string, document: string): Buffer {
    registry.asked.push(path)
    const type = path.endsWith('/lists') ? CONTRACT_DOCUMENT.query : CONTRACT_DOCUMENT.fetch
    const asked = readSignedJson(Buffer.from(document), type).document as { id: string; hashes: string[] }
    if (type === CONTRACT_DOCUMENT.fetch) {
      const items = all()
        .map((bytes) => ({ sha256: sha(bytes), content: bytes.toString('base64') }))
        .filter(({ sha256 }) => asked.hashes.includes(sha256))
      return Buffer.from(JSON.stringify(registry.items(items)))
    }
    const list: ContractList = {
      instance: 'DEV',
      server: 'DEV/GOV/5678/SS1',
      answers: asked.id,
      generatedAt: new Date(clock.now).toISOString(),
      contractRequired: registry.required,
      contracts: registry.entries.map(({ content, state, seals }) => ({
        contract: content.contract,
        version: content.version,
        hash: hashOf(content),
        state: state as 'ACTIVE',
        seals: seals.map(sha),
        waitsFor: [],
      })),
    }
    const { certificate, key } = registry.signer
    const signers = [{ certificates: [certificate], ocspResponses: [], key }]
    return Buffer.from(writeSignedJson(registry.list(list), CONTRACT_DOCUMENT.list, signers))
  }
  return { contracts: await open(), clock, registry, snapshot, suspended, again: open }
}

const sha = (bytes: Buffer): string => hash('sha256', bytes)

export const sealedBy = (content: ContractContent, at: number): Buffer[] => [
  sealOf(content, { by: owner, signer: OWNER, at }),
  sealOf(content, { by: guest, signer: GUEST, at }),
]
export const QUESTION = {
  ...{ client: TAX, service: PERSONS, method: 'GET', path: '/persons/P1' },
  isInGlobalGroup: () => true,
}

export const ask = (contracts: Contracts, at: number, more: object = {}): string => {
  try {
    return contracts.contractFor({
      ...{ ...QUESTION, at },
      ...more,
    }).contract
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}
