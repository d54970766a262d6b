/**
 * Lists what a call needs and the newest published configuration lacks, reading that configuration as servers
 * do.
 */
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { createTurn } from '#platform/in-turn.ts'
import { parseServerId, parseSubsystemId } from '#schemas/identifiers.ts'
import { say, type Word } from '#schemas/said.ts'
import type { PublicationStore } from '../../configuration/store.ts'
import { type CallFacts, isUsable, type SideFacts } from './rules.ts'

/** Only one large configuration is parsed at a time. */
const oneAtATime = createTurn()

export async function readPublished(
  publications: Pick<PublicationStore, 'newest' | 'parts' | 'file'>,
  sides: SideFacts[],
): Promise<CallFacts['published']> {
  const newest = await publications.newest()
  if (newest === undefined) return undefined
  const parts = await publications.parts(newest.index)
  const part = parts
    .map(({ path }) => path)
    .filter((path) => path.endsWith('/shared-params.xml'))
    .sort()
    .at(-1)
  const file = part === undefined ? undefined : await publications.file(part)
  if (file === undefined) return { ...newest, lacks: [say`its shared parameters`] }
  const lacks = await oneAtATime(async () => {
    const index = indexConfiguration(await parseSharedParameters(file.content))
    return sides.flatMap((side) => lackingOf(side, index))
  })
  return { ...newest, lacks: [...new Map(lacks.map((one) => [String(one), one])).values()] }
}

function lackingOf(
  { subsystem, exists, servers }: SideFacts,
  index: ReturnType<typeof indexConfiguration>,
): Word[] {
  const id = parseSubsystemId(subsystem)
  const serves = servers.filter(isUsable).flatMap((server) => {
    const serverId = parseServerId(server.id)
    if (index.server(serverId) === undefined) return [say`the security server ${server.id}`]
    const certificates = server.certificates
      .filter((one) => one.objection === undefined)
      .filter(({ sha256 }) => index.serverByAuthCert(Buffer.from(sha256, 'hex')) === undefined)
      .map(({ sha256 }) => say`the certificate ${sha256.slice(0, 16)}… of ${server.id}`)
    const client = index.isClientOf(serverId, id)
      ? []
      : [say`the registration of ${subsystem} at ${server.id}`]
    return [...certificates, ...client]
  })
  return [...(exists && !index.isRegistered(id) ? [subsystem] : []), ...serves]
}
