/** Clients of this server and the certificates of their systems. */
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { clientIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId, memberOf } from '#schemas/identifiers.ts'
import { allPages } from './all-pages.ts'
import { detailsOfPem } from './certificate-details.ts'
import type { Asked, Entry } from './entry.ts'
import { fieldsOf, flagIn } from './fields.ts'
import type { Needs } from './needs.ts'
import type { OwnClient, OwnToken } from './own-views.ts'
import { certificateView } from './token-views.ts'

const CONNECTIONS: Record<string, string> = { HTTP: 'NOSSL', HTTPS_NO_AUTH: 'SSLNOAUTH', HTTPS: 'SSLAUTH' }
const CLIENT = '/clients/:id'
const CERTIFICATES = `${CLIENT}/tls-certificates`

type Member = { id: string; name: string; subsystems: { id: string; name?: string }[] }
type Shown = Pick<OwnClient, 'id'> & Partial<OwnClient>

export function clientEntries(rooms: Needs): Entry[] {
  const view = (client: Shown): object => viewsOf(rooms)(client)
  const one = async ({ params, call }: Asked, operation: string, body?: object): Promise<object> =>
    view(await call<OwnClient>(operation, { params: { clientId: params['id']! }, body }))
  return [
    {
      ...{ name: 'findClients', method: 'GET', path: '/clients', status: 200 },
      through: ['findClients', 'findMembers'],
      async answer(asked) {
        const signs = flagIn(asked.query, 'local_valid_sign_cert')
        const clients = (await found(asked)).filter(fits(asked.query))
        return clients
          .map(viewsOf(rooms))
          .filter((one) => signs === undefined || one.has_valid_local_sign_cert === signs)
      },
    },
    {
      ...{ name: 'addClient', method: 'POST', path: '/clients', status: 201, through: ['addClient'] },
      codes: { conflict: 'client_already_exists' },
      async answer({ body, call }) {
        const given = fieldsOf(body).part('client')
        const codes = [given.text('member_class'), given.text('member_code')]
        const subsystem = given.textOr('subsystem_code', undefined)
        const id = [rooms.server.instance, ...codes, ...(subsystem === undefined ? [] : [subsystem])].join(
          ':',
        )
        const connectionType = connectionOf(given.textOr('connection_type', 'HTTPS'))
        return view(await call<OwnClient>('addClient', { body: { id, connectionType } }))
      },
    },
    {
      ...{ name: 'getClient', method: 'GET', path: CLIENT, status: 200, through: ['getClient'] },
      codes: { not_found: 'client_not_found' },
      answer: (asked) => one(asked, 'getClient'),
    },
    {
      ...{ name: 'updateClient', method: 'PATCH', path: CLIENT, status: 200, through: ['updateClient'] },
      codes: { not_found: 'client_not_found' },
      answer: (asked) =>
        one(asked, 'updateClient', {
          connectionType: connectionOf(fieldsOf(asked.body).text('connection_type')),
        }),
    },
    ...acts(),
    ...certificateEntries(),
    {
      ...{
        name: 'getClientSignCertificates',
        method: 'GET',
        path: `${CLIENT}/sign-certificates`,
        status: 200,
      },
      through: ['getClient', 'getTokens'],
      async answer({ params, call }) {
        await call('getClient', { params: { clientId: params['id']! } })
        const member = params['id']!.split(':').slice(0, 3).join(':')
        return (await call<OwnToken[]>('getTokens'))
          .flatMap(({ keys }) => keys.flatMap(({ certificates }) => certificates))
          .filter(({ usage, memberId }) => usage === 'SIGNING' && memberId === member)
          .map(certificateView)
      },
    },
  ]
}

function acts(): Entry[] {
  const plain = [
    ['deleteClient', 'DELETE', ''],
    ['registerClient', 'PUT', '/register'],
    ['unregisterClient', 'PUT', '/unregister'],
    ['disableClient', 'PUT', '/disable'],
    ['enableClient', 'PUT', '/enable'],
    ['changeOwner', 'PUT', '/make-owner'],
  ] as const
  const codes = { not_found: 'client_not_found', conflict: 'action_not_possible' }
  return [
    ...plain.map(
      ([name, method, more]): Entry => ({
        ...{ name, method, path: `${CLIENT}${more}`, status: 204, through: [name], codes },
        answer: async ({ params, call }) => void (await call(name, { params: { clientId: params['id']! } })),
      }),
    ),
    {
      ...{ name: 'renameClient', method: 'PUT', path: `${CLIENT}/rename`, status: 204 },
      ...{ through: ['renameClient'], codes },
      async answer({ params, body, call }) {
        const subsystemName = fieldsOf(body).text('client_name')
        await call('renameClient', { params: { clientId: params['id']! }, body: { subsystemName } })
      },
    },
  ]
}

function certificateEntries(): Entry[] {
  type Own = { sha256: string; pem: string }
  const listed = ({ params, call }: Asked): Promise<Own[]> =>
    call('getClientTlsCertificates', { params: { clientId: params['id']! } })
  const through = ['getClientTlsCertificates']
  return [
    {
      ...{ name: 'getClientTlsCertificates', method: 'GET', path: CERTIFICATES, status: 200, through },
      answer: async (asked) => (await listed(asked)).map(({ pem }) => detailsOfPem(pem)),
    },
    {
      ...{ name: 'addClientTlsCertificate', method: 'POST', path: CERTIFICATES, status: 201, takes: 'bytes' },
      through: ['addClientTlsCertificate'],
      codes: { conflict: 'certificate_already_exists' },
      async answer({ params, body, call }) {
        const input = { params: { clientId: params['id']! }, body: bodyBytes(body) }
        return detailsOfPem((await call<Own>('addClientTlsCertificate', input)).pem)
      },
    },
    {
      ...{
        name: 'getClientTlsCertificate',
        method: 'GET',
        path: `${CERTIFICATES}/:hash`,
        status: 200,
        through,
      },
      codes: { not_found: 'certificate_not_found' },
      async answer(asked) {
        const wanted = asked.params['hash']!.toLowerCase()
        const own = (await listed(asked)).find(({ sha256 }) => sha256 === wanted)
        if (own === undefined) throw new Fault('not_found', { what: `this certificate` })
        return detailsOfPem(own.pem)
      },
    },
    {
      ...{ name: 'deleteClientTlsCertificate', method: 'DELETE', path: `${CERTIFICATES}/:hash`, status: 204 },
      through: ['deleteClientTlsCertificate'],
      answer: async ({ params, call }) =>
        void (await call('deleteClientTlsCertificate', {
          params: { clientId: params['id']!, sha256: params['hash']!.toLowerCase() },
        })),
    },
  ]
}

/**
 * The clients of this server, and with `internal_search=false` all other members and subsystems of the
 * instance after them.
 */
async function found(asked: Asked): Promise<Shown[]> {
  const isInternal = flagIn(asked.query, 'internal_search') !== false
  const isExcluded = flagIn(asked.query, 'exclude_local') === true
  const local = await allPages<OwnClient>(asked, 'findClients')
  if (isInternal) return isExcluded ? [] : local
  const known = new Set(local.map(({ id }) => id))
  const members = await allPages<Member>(asked, 'findMembers')
  const others = members
    .flatMap(({ id, name, subsystems }): Shown[] => [
      { id, memberName: name },
      ...subsystems.map((one) => ({ id: one.id, memberName: name, subsystemName: one.name })),
    ])
    .filter(({ id }) => !known.has(id))
  return isExcluded ? others : [...local, ...others]
}

/** What is told of clients. Whether a member has a certificate is found out once, for all its subsystems. */
function viewsOf({ server, keys }: Needs) {
  const signing = new Map<string, boolean>()
  const signs = (member: MemberId): boolean => {
    const known = signing.get(idText(member))
    if (known !== undefined) return known
    const now = succeeds(() => keys.signingIdentity(member))
    signing.set(idText(member), now)
    return now
  }
  return (client: Shown) => {
    const id = clientIdOf(client.id)
    const connection = Object.entries(CONNECTIONS).find(([, ours]) => ours === client.connectionType)?.[0]
    return {
      ...{ id: client.id, instance_id: id.instance, member_name: client.memberName ?? null },
      ...{ member_class: id.memberClass, member_code: id.memberCode },
      ...(id.subsystemCode === undefined ? {} : { subsystem_code: id.subsystemCode }),
      ...(client.subsystemName === undefined ? {} : { subsystem_name: client.subsystemName }),
      owner: id.subsystemCode === undefined && idText(id) === idText(memberOf(server)),
      has_valid_local_sign_cert: signs(memberOf(id)),
      ...(connection === undefined ? {} : { connection_type: connection }),
      ...(client.status === undefined ? {} : { status: client.status }),
    }
  }
}

/** As X-Road searches: by parts of the names and codes, in any case of letters. */
function fits(query: Record<string, unknown>): (client: Shown) => boolean {
  const has = (text: string | undefined, asked: string): boolean =>
    query[asked] === undefined || (text ?? '').toLowerCase().includes(String(query[asked]).toLowerCase())
  const withMembers = flagIn(query, 'show_members') !== false
  return ({ id, memberName, subsystemName }) => {
    const [instance, memberClass, member, subsystem] = id.split(':')
    return (
      (withMembers || subsystem !== undefined) &&
      has(instance, 'instance') &&
      has(memberClass, 'member_class') &&
      has(member, 'member_code') &&
      has(subsystem, 'subsystem_code') &&
      (has(memberName, 'name') || has(subsystemName, 'name'))
    )
  }
}

function connectionOf(theirs: string): string {
  const ours = Object.hasOwn(CONNECTIONS, theirs) ? CONNECTIONS[theirs] : undefined
  if (ours !== undefined) return ours
  throw new Fault('invalid_input', {
    what: `connection_type is one of ${Object.keys(CONNECTIONS).join(', ')}`,
  })
}

function succeeds(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}
