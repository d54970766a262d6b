/**
 * Guarantees that a call which brings the reference of an answer goes to the security server that keeps it,
 * where that one serves the provider; whether it may be asked is judged as if the client had named it. A
 * server that the client itself names goes before.
 */
import { idText, type ServerId, subsystemOf } from '#schemas/identifiers.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { Codec } from '../message/codec.ts'
import type { Request } from '../message/message.ts'
import { readPreviewReference } from '../peer/preview-reference.ts'
import type { ConsumerRooms } from './rooms.ts'

export function keeperOfPreview(
  { codec, request }: { codec: Codec; request: Request },
  { globalConfiguration }: Pick<ConsumerRooms, 'globalConfiguration'>,
): ServerId | undefined {
  const [reference] = codec.previewReferences(request)
  const server = reference === undefined ? undefined : readPreviewReference(reference)?.server
  if (server === undefined) return undefined
  const provider = subsystemOf(request.service)
  const servers =
    globalConfiguration.currentWithin(ANY_GRACE).indexFor(provider.instance)?.serversOf(provider) ?? []
  return servers.find(({ id }) => idText(id) === idText(server))?.id
}
