/**
 * The own security server as the portal asks it: services of others, and the list of all members and their
 * subsystems.
 */
import { type ConnectOptions, connect, type SecurityServer } from '#adapters/client/connect.ts'
import { openOwnLists } from '#adapters/kit/messages/own-lists.ts'
import { Fault } from '#schemas/fault.ts'

export type OwnServer = SecurityServer & {
  /**
   * What `GET /listClients` answers for an instance, the own one by default (X-Road service metadata protocol
   * for REST, section 4.1). Throws ExchangeError.
   */
  listClients(instance?: string): Promise<unknown>
  /** What `GET /listTrustedIssuers` answers (`schemas/trusted-issuer.ts`). Throws ExchangeError. */
  listTrustedIssuers(): Promise<unknown>
  /**
   * What `GET /verificationconf` gives: the configuration by which evidence is judged. Throws ExchangeError.
   */
  verificationConfiguration(): Promise<Uint8Array>
}

/** Connects with the first request. Throws `invalid_configuration`. */
export function openServer(options: ConnectOptions): OwnServer {
  try {
    const server = connect(options)
    const { list, file, close } = openOwnLists(options)
    return {
      ...server,
      listClients: (instance) =>
        list(
          instance === undefined
            ? 'listClients'
            : `listClients?xRoadInstance=${encodeURIComponent(instance)}`,
        ),
      listTrustedIssuers: () => list('listTrustedIssuers'),
      verificationConfiguration: () => file('verificationconf'),
      close() {
        server.close()
        close()
      },
    }
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: `securityServer: ${(cause as Error).message}`, cause })
  }
}
