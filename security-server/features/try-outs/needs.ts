/** The parts of the server that this feature uses. */
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { Content } from '../../message/body.ts'

/** As a client system would send it. */
export type SentRequest = {
  protocol: 'REST' | 'SOAP'
  method: string
  url: string
  headers: HeaderList
  body: Buffer | undefined
}

export type SentAnswer = { status: number; headers: HeaderList; body: Content | undefined; index: number }

export type Needs = {
  server: ServerId
  clock: Clock
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  contracts: Pick<Contracts, 'view'>
  settings: { tryOuts: { clients: string[] } }
  localSystems: Pick<LocalSystems, 'view'>
  /** Whether this server has still to answer its first call. Throws when the log cannot tell. */
  isBeforeFirstCall(): Promise<boolean>
  /** Throws the fault that a client system would get. */
  sendForOperator(request: SentRequest): Promise<SentAnswer>
}
