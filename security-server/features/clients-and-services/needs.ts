/** The parts of the server that this feature uses. */

import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { FetchDocument } from './client.ts'

export type Needs = {
  /** The kinds of acts that take two people now. */
  fourEyesPolicy: { inForce(): Promise<readonly string[]> }
  server: ServerId
  localSystems: LocalSystems
  globalConfiguration: GlobalConfiguration
  contracts: Pick<Contracts, 'view'>
  /** Fetches an OpenAPI or WSDL document for an administrator. */
  fetchDocument: FetchDocument
}
