/**
 * How much of a reply is stored. Guarantees that no log of ours has an answer which waits for a person to see
 * it: what they stop would stand there for years, beside what they released. Nor has one what a server tells
 * of its exchanges: that is the asker's alone, secret ones among it, and is to be gone when its days are
 * over.
 */
import { CONSENTS } from '#schemas/consents.ts'
import { isMonitoringService, type Request } from '../message/message.ts'
import type { LogEntry } from './message-log.ts'

type Level = LogEntry['logLevel']

/**
 * The addresses of the service `consents` that show one. Both servers of an exchange read them from the
 * request, which is signed.
 */
const SHOWS = /^\/v1\/preview(?:s|ed)\/./

/** `agreed` is what the contract says. */
export function levelOfReply(
  request: Pick<Request, 'protocol' | 'service' | 'servicePath'>,
  agreed: Level,
): { logLevel?: NonNullable<Level> } {
  const isShown = request.service.serviceCode === CONSENTS && SHOWS.test(request.servicePath)
  if ((isShown || isMonitoringService(request)) && agreed !== 'none') return { logLevel: 'digest' }
  return agreed === undefined ? {} : { logLevel: agreed }
}
