/**
 * Set-up of the server: missing steps, the token, the anchor, the global configuration, and the members in
 * it.
 */

import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { idText, memberOf, type SubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Needs } from './needs.ts'

type AskedMembers = { q?: string; servers?: boolean; offset: number; limit: number }

export function initializationHandlers(rooms: Needs): Handlers {
  const { globalConfiguration, keys, server } = rooms

  return {
    async getInitializationStatus() {
      const [token] = keys.tokens()
      const snapshot = inForce(rooms.globalConfiguration)
      const listed = snapshot?.index.server(server)
      return {
        serverId: colonForm(idText(server)),
        address: listed?.address,
        maintenance: listed?.maintenance,
        anchorInstalled: globalConfiguration.state().anchor !== undefined,
        configurationValid: snapshot !== undefined,
        serverRegistered: listed !== undefined,
        tokenInitialized: token?.initialized === true,
        tokenLoggedIn: token?.loggedIn === true,
        canSign: succeeds(() => keys.signingIdentity(server)),
        canAuthenticate: succeeds(() => keys.authenticationIdentity()),
      }
    },
    async initSecurityServer({ body }) {
      await keys.initialize((body as { softwareTokenPin: string }).softwareTokenPin)
    },
    async getAnchor() {
      const { anchor } = globalConfiguration.state()
      if (anchor === undefined) throw new Fault('not_found', { what: say`no anchor is installed` })
      return anchor
    },
    previewAnchor: ({ body }) => globalConfiguration.readAnchor(bodyBytes(body)),
    async uploadInitialAnchor({ body, query }) {
      if (globalConfiguration.state().anchor !== undefined) {
        throw new Fault('conflict', { what: say`an anchor is installed; replace it` })
      }
      return install(rooms, bodyBytes(body), query['hash'], false)
    },
    replaceAnchor: ({ body, query }) =>
      install(rooms, bodyBytes(body), query['hash'], query['forgetHistory'] === true),
    getGlobalConfiguration: async () => globalConfiguration.state(),
    async refreshGlobalConfiguration() {
      await globalConfiguration.refresh()
      // Contracts come from another listener of the registry, which may be down. Their own state shows that.
      await rooms.contracts.refresh().catch(() => undefined)
      return globalConfiguration.state()
    },
    async findMembers({ query }) {
      const { q = '', servers: withServers = false, offset, limit } = query as AskedMembers
      const wanted = q.toLowerCase()
      const { shared } = globalConfiguration.current().index
      const { members } = shared
      const owned = withServers ? serversByOwner(shared) : undefined
      const found =
        wanted === ''
          ? members
          : members.filter(
              ({ id, name, subsystems }) =>
                `${colonForm(idText(id))} ${name}`.toLowerCase().includes(wanted) ||
                subsystems.some((one) => subsystemWords(one, wanted).includes(wanted)) ||
                owned?.get(idText(id))?.some((one) => one.toLowerCase().includes(wanted)),
            )
      // Only those of the page are made ready: programs read all pages of thousands of members.
      const page = found.slice(offset, offset + limit).map((member) => ({
        id: colonForm(idText(member.id)),
        name: member.name,
        subsystems: member.subsystems.map(({ id, name }) => ({ id: colonForm(idText(id)), name })),
        servers: owned && (owned.get(idText(member.id)) ?? []),
      }))
      return answer(page, { headers: { 'x-total-count': String(found.length) } })
    },
  }
}

/** By the owner's id; built when asked for, since each access to the servers makes their list anew. */
function serversByOwner({ securityServers }: SharedParameters): Map<string, string[]> {
  const owned = new Map<string, string[]>()
  for (const { id } of securityServers) {
    const owner = idText(memberOf(id))
    owned.set(owner, [...(owned.get(owner) ?? []), colonForm(idText(id))])
  }
  return owned
}

/**
 * Installs the anchor if it has the given hash, then fetches the configuration. A failed fetch is no error
 * here: the returned state shows it. Throws `conflict` for another hash or another instance.
 */
async function install(rooms: Needs, xml: Buffer, hash: unknown, forgetHistory: boolean) {
  const { globalConfiguration } = rooms
  const preview = await globalConfiguration.readAnchor(xml)
  if (typeof hash === 'string' && plain(hash) !== plain(preview.hash)) {
    throw new Fault('conflict', { what: say`the anchor's hash is ${preview.hash}` })
  }
  if (preview.instance !== rooms.server.instance) {
    throw new Fault('conflict', {
      what: say`this server belongs to ${rooms.server.instance}, not ${preview.instance}`,
    })
  }
  await globalConfiguration.installAnchor(xml, { forgetHistory })
  await globalConfiguration.refresh().catch((thrown: unknown) => asFault(thrown))
  return globalConfiguration.state()
}

/**
 * Without the member's part of its id, in which was searched before: there are many more subsystems than
 * members. Codes have no colon, so that what is wanted with one may be any part of the whole id.
 */
function subsystemWords(
  { id, name = '' }: { id: SubsystemId; name?: string | undefined },
  wanted: string,
): string {
  const shown = wanted.includes(':') ? colonForm(idText(id)) : id.subsystemCode
  return `${shown} ${name}`.toLowerCase()
}

function plain(hash: string): string {
  return hash.replaceAll(':', '').toUpperCase()
}

function succeeds(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}
