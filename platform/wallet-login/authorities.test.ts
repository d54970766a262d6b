/** Which authorities a wallet is told with each kind of credential: it keeps those of others to itself. */
import t from 'tap'
import { testVerifier } from '#core/presentation/presentation-fixture.ts'
import { authorityOf, LICENCE, NAMES, NOON, PERSON } from '#test/fakes/wallet/authority.ts'
import { createWalletLogin } from './create-wallet-login.ts'

const [people, roads, other] = [
  authorityOf('State', [PERSON]),
  authorityOf('State', [LICENCE]),
  authorityOf('Neighbour'),
]
const idOf = ({ trusted }: typeof people): string =>
  trusted.anchors[0]!.certificate.extensions.subjectKeyIdentifier!.toString('base64url')

/** The key identifiers with each credential that is asked for. */
async function told(...trusted: (typeof people.trusted)[]) {
  const login = createWalletLogin({
    settings: {
      ...{ baseUrl: 'https://portal.example', prefix: '/wallet', walletUrl: 'haip-vp://' },
      returnUrl: { 'same-device': 'https://portal.example/a', 'cross-device': 'https://portal.example/b' },
      maxStatusAgeSeconds: 60,
    },
    verifier: testVerifier(),
    needed: [{ attribute: 'code' }],
    sources: [
      {
        ...{ id: 'person', format: 'dc+sd-jwt', types: [PERSON], issuers: ['State'] },
        places: { code: ['personal_code'] },
      },
      {
        ...{ id: 'licence', format: 'mso_mdoc', types: [LICENCE], issuers: ['State'] },
        places: { code: [NAMES, 'personal_code'] },
      },
    ],
    issuers: () => trusted,
    fetchStatusList: async () => undefined,
    clock: () => NOON.getTime(),
    ...{ isKept: false, count: () => undefined },
  })
  const { id } = login.begin({ flow: 'same-device' })
  const token = (await login.fetchRequest(id))!
  const request = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
    dcql_query: { credentials: { id: string; trusted_authorities?: { type: string; values: string[] }[] }[] }
  }
  return Object.fromEntries(
    request.dcql_query.credentials.map((one) => [one.id, one.trusted_authorities?.[0]?.values]),
  )
}

void t.test('those of its own issuers and of its kind, and no more', async (t) => {
  t.strictSame(await told(people.trusted, roads.trusted, other.trusted), {
    person: [idOf(people)],
    licence: [idOf(roads)],
  })
})

void t.test(
  'none where one of them has no identifier: its credentials would stay in the wallet',
  async (t) => {
    const { certificate } = other.trusted.anchors[0]!
    const extensions = { ...certificate.extensions, subjectKeyIdentifier: undefined }
    const anchors = [...people.trusted.anchors, { certificate: { ...certificate, extensions } }]
    t.strictSame(await told({ ...people.trusted, anchors }, roads.trusted), {
      person: undefined,
      licence: [idOf(roads)],
    })
  },
)
