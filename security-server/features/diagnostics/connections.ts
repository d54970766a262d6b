/**
 * Tests of connections, one kind at a time. All addresses come from the global configuration or from the
 * settings of services, none from the caller.
 */
import type { Handlers } from '#platform/http-service/openapi.ts'
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { ANY_GRACE } from '../../global-configuration/snapshot.ts'
import { isKeptHere, pushAddress, whyNoService } from '../../local-systems/check-address.ts'
import { serviceIn } from '../../local-systems/manage.ts'
import type { Needs } from './needs.ts'
import { type Target, tryConnection } from './try-connection.ts'

type Kind = 'SELF' | 'CONFIGURATION' | 'REGISTRATION' | 'TIME_STAMPING' | 'OCSP' | 'PEER' | 'SERVICES'
type Asked = { kind: Kind; clientId?: string; serviceId?: number }

/** More would only keep the caller waiting. */
const MOST_TARGETS = 20

export function connectionHandlers(rooms: Needs): Handlers {
  return {
    testConnections: ({ body }) => connectionsOf(body as Asked, rooms),
  }
}

/** Tries the connections of this kind, MOST_TARGETS at most. Throws as `targetsOf`. */
export async function connectionsOf(asked: Asked, rooms: Needs) {
  const all = targetsOf(asked, rooms)
  const items = await Promise.all(
    all.slice(0, MOST_TARGETS).map(async (target) => ({
      name: target.name,
      address: target.address && `${target.address.host}:${target.address.port}`,
      steps: await tryConnection(target),
    })),
  )
  return { kind: asked.kind, at: new Date(rooms.clock()).toISOString(), targets: all.length, items }
}

/**
 * Throws `invalid_input`, `not_found` for a client that nobody serves or a service that is not here, and the
 * fault of the configuration.
 */
function targetsOf({ kind, clientId, serviceId }: Asked, rooms: Needs): Target[] {
  const { globalConfiguration, server } = rooms
  if (kind === 'SERVICES') return services({ clientId, serviceId }, rooms)
  if (kind === 'CONFIGURATION') return configuration(rooms)
  const { index } = globalConfiguration.currentWithin(ANY_GRACE)
  switch (kind) {
    case 'SELF':
      return [peer(index.server(server) ?? { id: server }, rooms)]
    case 'REGISTRATION': {
      const { authCertRegServiceAddress: url, authCertRegServiceCert: pinned } =
        index.privateParameters?.managementService ?? {}
      return [{ name: url ?? '', address: url === undefined ? undefined : placeOf(url), tls: { pinned } }]
    }
    case 'TIME_STAMPING':
      return index.shared.approvedTsas.map(({ name, url }) => byUrl(name, url))
    case 'OCSP':
      return index.shared.approvedCas.flatMap(({ name, topCa, intermediateCas }) =>
        [...new Set([topCa, ...intermediateCas].flatMap(({ ocsp }) => ocsp.map(({ url }) => url)))].map(
          (url) => byUrl(name, url),
        ),
      )
    default: {
      if (clientId === undefined)
        throw new Fault('invalid_input', { what: say`whose server is tested: clientId` })
      const client = clientIdOf(clientId)
      const servers =
        globalConfiguration.currentWithin(ANY_GRACE).indexFor(client.instance)?.serversOf(client) ?? []
      if (servers.length === 0)
        throw new Fault('not_found', { what: say`no server of ${clientId} is registered` })
      return servers.map((one) => peer(one, rooms))
    }
  }
}

/** Another server, or this one as others reach it: its address is the registered one. */
function peer({ id, address }: Pick<SecurityServerInfo, 'id' | 'address'>, rooms: Needs): Target {
  return {
    name: colonForm(idText(id)),
    address: address === undefined ? undefined : { host: address, port: rooms.settings.peers.messagePort },
    answer: { what: say`both servers know and accept each other`, act: () => rooms.peerClient.reach(id) },
  }
}

function configuration({ globalConfiguration }: Needs): Target[] {
  const { own, anchor } = globalConfiguration.state()
  const answer = {
    what: say`a configuration that the anchor proves was fetched`,
    act: () => globalConfiguration.refresh(),
  }
  const name = anchor?.instance ?? ''
  return [{ name, address: own?.source === undefined ? undefined : placeOf(own.source), answer }]
}

/** Of systems only: an inbox that is fetched from and a room are this server itself. */
function services(
  { clientId, serviceId }: Pick<Asked, 'clientId' | 'serviceId'>,
  { localSystems, serviceClient, ownListeners }: Needs,
): Target[] {
  const wanted = clientId === undefined ? undefined : idText(clientIdOf(clientId))
  const view = localSystems.view()
  return (serviceId === undefined ? [...view.services.values()] : [serviceIn(view, serviceId)])
    .filter(
      ({ service }) =>
        wanted === undefined ||
        idText({ ...service.id, serviceCode: undefined, serviceVersion: undefined }) === wanted,
    )
    .filter(({ service: { url } }) => !isKeptHere(url) || pushAddress(url) !== undefined)
    .map(({ service }) => ({
      ...byUrl(colonForm(idText(service.id)), pushAddress(service.url) ?? service.url),
      tls: undefined,
      refuse: (address, port) => whyNoService({ address, port }, ownListeners),
      answer: { what: say`the system of the service was reached`, act: () => serviceClient.reach(service) },
    }))
}

function byUrl(name: string, url: string): Target {
  return { name, address: placeOf(url), tls: url.startsWith('https:') ? {} : undefined }
}

function placeOf(text: string): Target['address'] {
  if (!URL.canParse(text)) return undefined
  const { hostname, port, protocol } = new URL(text)
  // IPv6 addresses stand in brackets in a URL.
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return { host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}
