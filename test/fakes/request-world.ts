/** A central registry that accepts management requests, two members that file them, and a foreign CA. */
import type { Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { headOf, type Party, signedDocument, signingParty } from './management-requests.ts'
import { setUp } from './registry-sample.ts'
import { type Node, type RegistryWorld, type Reply, registryWorld } from './registry-world.ts'

export const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
/** A CA with the same names that nobody approved. */
export const stranger = await createAuthority({ clock: Date.now, instance: 'DEV' })
export const OWNER = 'DEV/GOV/1234'
export const SERVER = 'DEV/GOV/1234/SS1'
export const NEW_SERVER = 'DEV/GOV/1234/SS2'
export const owner = await signingParty(authority, OWNER)
export const guest = await signingParty(authority, 'DEV/GOV/5678')
export const GUEST = 'DEV/GOV/5678'
export const FILE = '/registration/v1/management-requests'

type Detail = {
  id: number
  state: string
  contentHash: string
  waitsFor: string[]
  decidedBy?: string
  changes: { what: string; before: string | null; after: string | null }[]
  conflicts: string[]
  proofs: { signer: string; signingCertificate: { sha256: string }; authenticationCertificate?: object }[]
}

export type RequestWorld = {
  world: RegistryWorld
  node: Node
  file: File
  detail(id: number): Promise<Detail>
}
export type File = (
  subject: object,
  o?: { by?: Party; signer?: string; authentication?: Party; ocsp?: Buffer[]; id?: string; at?: number },
) => Promise<Reply & { body: RequestStatus & { type?: string; message?: string } }>

/** A registry with a registration listener, an owner with a server, and a member without one. */
export async function start(t: Test, url?: string): Promise<RequestWorld> {
  const world = registryWorld(t, url)
  const node = await world.start({ registration: true })
  await setUp(node, authority)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
  return { world, node, ...actsOf(world, node) }
}

export function actsOf(world: RegistryWorld, node: Node): Pick<RequestWorld, 'file' | 'detail'> {
  return {
    file: async (subject, o = {}) => {
      const { by = owner, signer = by === guest ? GUEST : OWNER, at = world.clock.now, ...more } = o
      const head = { ...headOf(signer, at), ...(o.id === undefined ? {} : { id: o.id }) }
      const document = { ...head, server: SERVER, ...subject }
      return (await node.register(FILE, signedDocument('file', document, by, more))) as never
    },
    detail: async (id) => (await node.must('GET', `/management-requests/${id}`)) as Detail,
  }
}

/** Approves as an administrator who has read the request. */
export async function approve({ node, detail }: RequestWorld, id: number): Promise<Reply> {
  const { contentHash } = await detail(id)
  return node.call('POST', `/management-requests/${id}/approve`, { contentHash })
}

/** The subject of an authCertReg request. */
export function registrationOf(party: Party, server = NEW_SERVER): object {
  const certificate = party.certificate.der.toString('base64')
  return { kind: 'authCertReg', server, certificate, address: 'ss2.example' }
}
