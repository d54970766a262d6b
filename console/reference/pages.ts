/** The pages of APIs: which console has each, and how one calls that API first. */

export type ApiPage = {
  /** Of the files in schemas. */
  api: string
  console: 'registry' | 'agency'
  /** Of the page, and of the description beside it, without ending. */
  name: string
  /** What a first call needs, and the call. */
  needs: string
  call: string
}

const MANAGEMENT = {
  name: 'api',
  needs: "With an API key that has one of the operation's roles:",
  call: 'curl -H "Authorization: X-Road-ApiKey token=$(cat api-key)" https://this-server/api/v1/session',
}

/**
 * The holder of subject keys has no console. Its API's page is in the console of the agency's security
 * server, which calls it.
 */
export const API_PAGES: ApiPage[] = [
  { ...MANAGEMENT, api: 'central-registry', console: 'registry' },
  { ...MANAGEMENT, api: 'security-server', console: 'agency' },
  {
    ...{ api: 'subject-keys', console: 'agency', name: 'subject-keys-api' },
    needs:
      'With the credential that has the role of the operation, at the socket or address in its settings:',
    call: 'curl --unix-socket /run/concordat-subject-keys/socket -H "Authorization: Bearer $(cat search.key)" http://holder/v1/state',
  },
]
