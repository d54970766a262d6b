/** Tokens, keys and certificate requests. */

import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { memberIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { requestPem, type SubjectFields } from '../../keys/certification-request.ts'
import type { KeyInfo, TokenInfo } from '../../keys/keys.ts'
import { subjectFor, wholeSubject } from '../../keys/subject-for.ts'
import { SOFTWARE_TOKEN_ID } from '../../keys/tokens.ts'
import { checkKeeps } from './key-officers.ts'
import type { Needs } from './needs.ts'
import { viewsOf } from './views.ts'

type Usage = KeyInfo['usage']
type NewKey = { usage: Usage; label: string; algorithm: 'P-256' | 'RSA-2048' | 'RSA-3072' }
type NewCsr = { memberId?: string; caName?: string; dnsName?: string; subject?: SubjectFields }

export function tokenHandlers(rooms: Needs): Handlers {
  const { keys } = rooms
  const view = viewsOf(rooms)
  const index = () => rooms.globalConfiguration.current().index

  function token(id: string | undefined): TokenInfo {
    const found = keys.tokens().find((each) => each.id === id)
    if (found === undefined) throw new Fault('token_not_found', { what: id })
    return found
  }

  /** Throws `invalid_input` for a hardware token: keys are imported with the maker's tool. */
  function softwareToken(id: string | undefined): void {
    if (token(id).type !== 'SOFTWARE')
      throw new Fault('invalid_input', { what: say`that is done with the tool of its maker` })
  }

  function hardwareToken(id: string | undefined): string {
    const found = token(id)
    if (found.type !== 'SOFTWARE') return found.id
    throw new Fault('invalid_input', { what: say`all keys of the software token are listed with it` })
  }

  async function makeRequest(keyId: string, q: NewCsr) {
    const { usage } = keys.key(keyId)
    const member = q.memberId === undefined ? memberOf(rooms.server) : memberIdOf(q.memberId)
    const { id, request } = await keys.createRequest({
      keyId,
      member: usage === 'SIGNING' ? member : undefined,
      subject:
        q.subject ?? wholeSubject(subjectFor(index(), { server: rooms.server, usage, member, ...names(q) })),
      dnsNames: q.dnsName === undefined ? undefined : [q.dnsName],
    })
    return { id, keyId, pem: requestPem(request) }
  }

  /** The key's id. Throws `key_not_found`, and `forbidden` if it is not this caller's to keep. */
  function keptBy(caller: Caller, keyId: string, approver = caller): string {
    for (const one of [caller, approver]) checkKeeps(one, keys.key(keyId).usage)
    return keyId
  }

  return {
    getTokens: async () => keys.tokens().map(view.token),
    getToken: async ({ params }) => view.token(token(params['tokenId'])),
    async loginToken({ params, body }) {
      const { id } = token(params['tokenId'])
      const { pin } = body as { pin: string }
      await (id === SOFTWARE_TOKEN_ID ? keys.login(pin) : keys.hardware.login(id, pin))
    },
    async logoutToken({ params }) {
      const { id } = token(params['tokenId'])
      if (id === SOFTWARE_TOKEN_ID) keys.logout()
      else await keys.hardware.logout(id)
    },
    async updateTokenPin({ params, body }) {
      const { id } = token(params['tokenId'])
      const { oldPin, newPin } = body as { oldPin: string; newPin: string }
      await (id === SOFTWARE_TOKEN_ID
        ? keys.changePin(oldPin, newPin)
        : keys.hardware.changePin(id, oldPin, newPin))
    },
    async addKey({ params, body, caller }) {
      const { id } = token(params['tokenId'])
      const made = body as NewKey
      checkKeeps(caller, made.usage)
      return view.key(await keys.createKey({ tokenId: id, ...made }))
    },
    async getFoundKeys({ params }) {
      return keys.hardware.found(hardwareToken(params['tokenId']))
    },
    async adoptKey({ params, body }) {
      const { label } = (body ?? {}) as { label?: string }
      const objectId = params['objectId']!.toLowerCase()
      return view.key(await keys.hardware.adopt(hardwareToken(params['tokenId']), { objectId, label }))
    },
    async addKeyAndCsr({ params, body, caller }) {
      const { id: tokenId } = token(params['tokenId'])
      const { key, csr } = body as { key: NewKey; csr: NewCsr }
      checkKeeps(caller, key.usage)
      const made = await keys.createKey({ tokenId, ...key })
      try {
        const { id, pem } = await makeRequest(made.id, csr)
        return { key: view.key(keys.key(made.id)), csr: { id, keyId: made.id, pem } }
      } catch (cause) {
        // A key without the request that was asked for would be useless, so it is deleted.
        await keys.deleteKey(made.id)
        throw cause
      }
    },
    async importPkcs12({ params, body }) {
      softwareToken(params['tokenId'])
      const q = body as { files: string[]; password: string; keyconf?: string; usage?: Usage }
      const imported = await keys.importPkcs12({
        files: q.files.map(base64),
        password: q.password,
        keyconf: q.keyconf === undefined ? undefined : base64(q.keyconf),
        usage: q.usage,
      })
      return imported.map(view.key)
    },
    getKey: async ({ params }) => view.key(keys.key(params['keyId']!)),
    updateKey: async ({ params, body }) =>
      view.key(await keys.renameKey(params['keyId']!, (body as { label: string }).label)),
    deleteKey: async ({ params, caller, approver }) =>
      keys.deleteKey(keptBy(caller, params['keyId']!, approver)),
    generateCsr: async ({ params, body, caller }) =>
      makeRequest(keptBy(caller, params['keyId']!), body as NewCsr),
    async downloadCsr({ params, query }) {
      const request = keys.request(params['keyId']!, params['csrId']!)
      return query['format'] === 'DER' ? request : Buffer.from(requestPem(request))
    },
    deleteCsr: async ({ params, caller }) =>
      keys.deleteRequest(keptBy(caller, params['keyId']!), params['csrId']!),
    async getSubjectFieldDescriptions({ params, query }) {
      const q = query as { usage: Usage; memberId?: string; dnsName?: string }
      const member = q.memberId === undefined ? memberOf(rooms.server) : memberIdOf(q.memberId)
      return subjectFor(index(), {
        ...{ server: rooms.server, usage: q.usage, member, caName: params['caName']! },
        dnsName: q.dnsName ?? 'server.example',
      })
    },
  }
}

function names({ caName, dnsName }: NewCsr): { caName?: string; dnsName?: string } {
  return { ...(caName === undefined ? {} : { caName }), ...(dnsName === undefined ? {} : { dnsName }) }
}

function base64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/\r\n]+={0,2}\s*$/.test(text))
    throw new Fault('invalid_input', { what: say`a file is not base64` })
  return Buffer.from(text, 'base64')
}
