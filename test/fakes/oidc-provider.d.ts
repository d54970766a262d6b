/** The part of oidc-provider that the fake uses; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export default class Provider {
    constructor(issuer: string, configuration: object)
    callback(): (request: IncomingMessage, response: ServerResponse) => void
    Client: { prototype: { redirectUriAllowed(uri: string): boolean } }
  }
}
