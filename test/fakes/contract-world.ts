/**
 * A registry with members who agree on contracts, and the documents that they send: proposals, seals, acts,
 * queries.
 */
import type { Test } from 'tap'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import type { MailServer } from '#platform/mail/client.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type ContractItems,
  type ContractList,
  MAX_CONTRACT_LIST_BYTES,
} from '#schemas/contract.ts'
import { contentAt, contractDocument, hashOf, sealOf } from './contracts.ts'
import { type Party, signingParty } from './management-requests.ts'
import { setUp } from './registry-sample.ts'
import { type Node, type RegistryWorld, type Reply, registryWorld } from './registry-world.ts'
import { authority, GUEST, guest, OWNER, owner } from './request-world.ts'

const BASE = '/registration/v1/contracts'
export const THIRD = 'DEV/GOV/9'
export const third = await signingParty(authority, THIRD)
const PARTIES: Record<string, Party> = { [OWNER]: owner, [GUEST]: guest, [THIRD]: third }

export type ContractWorld = { world: RegistryWorld; node: Node }
type Body = { type?: string; message?: string; state?: string; hash?: string; version?: number }

/** A registry with an owner that provides, and two members that consume, each with a server. */
export async function startContracts(
  t: Test,
  url?: string,
  more: { login?: string; mailServer?: MailServer } = {},
): Promise<ContractWorld> {
  const world = registryWorld(t, url)
  const node = await world.start({ registration: true, ...more })
  await setUp(node, authority)
  for (const [memberCode, subsystemCode] of [
    ['5678', 'tax'],
    ['9', 'other'],
  ] as const) {
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode, name: 'A member' })
    await node.must('POST', `/members/DEV:GOV:${memberCode}/subsystems`, { subsystemCode })
    const server = `DEV:GOV:${memberCode}:SS1`
    await node.must('POST', '/security-servers', { id: server, address: `ss${memberCode}.example` })
    await node.must('POST', `/security-servers/${server}/clients`, {
      client: `DEV:GOV:${memberCode}:${subsystemCode}`,
    })
  }
  await node.must('POST', '/security-servers/DEV:GOV:1234:SS1/clients', { client: 'DEV:GOV:1234:plain' })
  return { world, node }
}

export const options = ({ world }: ContractWorld, signer: string) => {
  const by = PARTIES[signer]!
  return { by, signer, at: world.clock.now, ocsp: ocspAt(by, world.clock.now) }
}

/** OCSP responses that are fresh by the registry's clock, however far a test has moved it. */
function ocspAt(
  { certificate, authority: { intermediate, root, ocspAnswer } }: Party,
  now: number,
): Buffer[] {
  const at = new Date(now)
  return [
    ocspAnswer(buildOcspRequest(certificate, intermediate), { at }),
    ocspAnswer(buildOcspRequest(intermediate, root), { at }),
  ]
}
export const post = async (
  { node }: ContractWorld,
  path: string,
  bytes: Buffer,
): Promise<Reply & { body: Body }> => (await node.register(`${BASE}${path}`, bytes)) as never
export const propose = (w: ContractWorld, content: ContractContent, signer = GUEST) =>
  post(w, '', contractDocument('proposal', { content }, options(w, signer)))
export const seal = (w: ContractWorld, content: ContractContent, signer: string, more: object = {}) =>
  post(w, '/seals', sealOf(content, options(w, signer), more))
export const act = (
  w: ContractWorld,
  content: ContractContent,
  signer: string,
  name: string,
  mandated = ['Director (1)', 'Lawyer (2)'],
) => {
  const what = { contract: content.contract, hash: hashOf(content), act: name, reason: 'For a reason.' }
  const document = { ...what, mandated }
  return post(w, '/acts', contractDocument('act', document, options(w, signer)))
}
export const listFor = async (w: ContractWorld, signer: string): Promise<ContractList> => {
  const query = contractDocument('query', {}, options(w, signer))
  const { bytes, status } = await post(w, '/lists', query)
  if (status !== 200) throw new Error(bytes.toString())
  return readSignedJson(bytes, CONTRACT_DOCUMENT.list, MAX_CONTRACT_LIST_BYTES).document as ContractList
}
export const fetch = async (
  w: ContractWorld,
  signer: string,
  hashes: string[],
): Promise<ContractItems['items']> =>
  ((await post(w, '/items', contractDocument('fetch', { hashes }, options(w, signer)))).body as never)[
    'items'
  ]

/** A contract that both sides have sealed. */
export async function agreed(
  w: ContractWorld,
  more: Partial<ContractContent> = {},
): Promise<ContractContent> {
  const content = contentAt(w.world.clock.now, more)
  for (const reply of [
    await propose(w, content),
    await seal(w, content, GUEST),
    await seal(w, content, OWNER),
  ])
    if (reply.status !== 200) throw new Error(reply.bytes.toString())
  return content
}
export const stateOf = async ({ node }: ContractWorld, content: ContractContent): Promise<string> => {
  const { versions } = (await node.must('GET', `/contracts/${content.contract}`)) as {
    versions: { version: number; state: string }[]
  }
  return versions.find(({ version }) => version === content.version)!.state
}
export const decide = ({ node }: ContractWorld, content: ContractContent, name: string, more: object = {}) =>
  node.call('POST', `/contracts/${content.contract}/${name}`, { contentHash: hashOf(content), ...more })
export const REASON = { reason: 'For a reason.' }
export const code = (status: number, type: string) => ({ status, body: { type } })
