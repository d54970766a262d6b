/**
 * The tokens of this server as a tree: under each its keys, under each key its requests and certificates with
 * their states.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldList } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NameOf } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'
import { ImportCertificate } from './import.tsx'
import { type Certificate, type Key, keyName, keyPath, keyWords, subjectName, type Token } from './shapes.ts'
import { TokenActs } from './token-acts.tsx'
import { CertificateState, needsSomebody, OcspState, TokenState, UsedBy } from './words.tsx'
import './keys.css'

export function KeysPage() {
  const tokens = useAnswer<Token[]>('getTokens')
  return (
    <Show of={tokens} page="certs.title">
      {(all) => (
        <>
          <Head
            title={text('certs.title')}
            lead={text('certs.lead')}
            acts={
              <>
                <ImportCertificate />
                <RefreshOcsp />
              </>
            }
          />
          {all.map((token) => (
            <TokenFacts key={token.id} of={token} />
          ))}
          <Keys of={all} />
        </>
      )}
    </Show>
  )
}

function TokenFacts({ of }: { of: Token }) {
  const { hardware } = of
  const device = [hardware?.manufacturer, hardware?.model, hardware?.serialNumber].filter(Boolean).join(' ')
  return (
    <Part title={text('certs.tokenNamed', { name: of.name })} acts={<TokenActs of={of} />}>
      <Facts
        of={[
          ['common.state', <TokenState key="state" of={of} />],
          ['certs.tokenKind', text(`certs.token.${of.type}`)],
          ...(device === '' ? [] : ([['certs.device', <bdi key="device">{device}</bdi>]] as never)),
          ['certs.keys', String(of.keys.length)],
          ...(of.pin?.setAt === undefined
            ? []
            : ([['certs.pinSetAt', <Time key="pin-set" at={of.pin.setAt} relative />]] as never)),
          ...(of.pin?.endsAt === undefined
            ? []
            : ([['certs.pinEndsAt', <Time key="pin-ends" at={of.pin.endsAt} relative />]] as never)),
        ]}
      />
      {(of.pin?.wrong ?? 0) > 0 && (
        <p class="note inner">{text('certs.pinWrong', { count: of.pin?.wrong ?? 0 })}</p>
      )}
      {of.pin?.pausedUntil !== undefined && (
        <p class="note inner">
          {text('certs.pinPaused')} <Time at={of.pin.pausedUntil} relative />
        </p>
      )}
      {hardware?.reason !== undefined && <p class="inner wrap">{hardware.reason}</p>}
      {hardware?.pin !== undefined && (
        <p class="note inner">
          {text(
            `certs.pin.${hardware.pin === 'wrong before' ? 'wrong' : hardware.pin === 'locked' ? 'locked' : 'last'}`,
          )}
        </p>
      )}
      {!of.loggedIn && of.initialized && of.type !== 'TRANSIT' && (
        <p class="inner">{text('certs.lockedWhy')}</p>
      )}
    </Part>
  )
}

type KeyOfToken = { key: Key; token: Token }

function Keys({ of }: { of: Token[] }) {
  const all = of.flatMap((token) => token.keys.map((key) => ({ key, token })))
  return (
    <Part title={text('certs.keys')}>
      <HeldList<KeyOfToken>
        rows={all}
        search="certs.search"
        words={({ key }) => keyWords(key)}
        filters={[
          {
            ...{ name: 'show', title: 'certs.show' },
            options: (['', 'attention', 'SIGNING', 'AUTHENTICATION'] as const).map((value) => ({
              value,
              title: value === '' ? text('common.all') : text(`certs.show.${value}`),
            })),
            fits: ({ key }, value) => (value === 'attention' ? isUrgent(key) : key.usage === value),
          },
        ]}
        empty={<p>{text('certs.none')}</p>}
      >
        {(shown) => <Tree of={shown} tokens={of} />}
      </HeldList>
    </Part>
  )
}

function isUrgent(key: Key): boolean {
  return key.certificates.length === 0 || key.certificates.some(needsSomebody)
}

function Tree({ of, tokens }: { of: KeyOfToken[]; tokens: Token[] }) {
  return (
    <ul class="tree">
      {tokens
        .map((token) => ({ token, keys: of.filter((one) => one.token.id === token.id) }))
        .filter(({ keys }) => keys.length > 0)
        .map(({ token, keys }) => (
          <li key={token.id}>
            <h3>
              <bdi>{token.name}</bdi>
            </h3>
            <ul>
              {keys.map(({ key }) => (
                <li key={key.id}>
                  <KeyNode of={key} />
                </li>
              ))}
            </ul>
          </li>
        ))}
    </ul>
  )
}

function KeyNode({ of }: { of: Key }) {
  return (
    <>
      <h4>
        <Link to={keyPath(of.id)}>
          <bdi>{keyName(of)}</bdi>
        </Link>{' '}
        <span class="beside">
          {text(`certs.usage.${of.usage}`)}
          {of.algorithm !== undefined && `, ${of.algorithm}`}
        </span>
      </h4>
      <ul>
        {of.certificates.map((one) => (
          <li key={one.sha256}>
            <CertificateNode of={one} />
          </li>
        ))}
        {of.requests.map(({ id, createdAt, memberId }) => (
          <li key={id} class="leaf">
            <span>
              <Status tone="quiet" word="certs.request" />
            </span>
            <span>{memberId === undefined ? text('certs.ofThisServer') : <NamedId of={memberId} />}</span>
            <span class="beside">
              {text('certs.requestedAt')} <Time at={createdAt} relative />
            </span>
          </li>
        ))}
        {of.certificates.length + of.requests.length === 0 && <li>{text('certs.noCertificate')}</li>}
      </ul>
    </>
  )
}

function CertificateNode({ of }: { of: Certificate }) {
  return (
    <div class="leaf">
      <div class="states">
        <CertificateState of={of} /> <OcspState of={of} />
      </div>
      <div>
        <bdi>{subjectName(of.subject)}</bdi>
        {of.memberId !== undefined && (
          <p class="beside">
            {text('certs.signsFor')} <NameOf id={of.memberId} />
          </p>
        )}
        {of.remedy !== undefined && <p class="remedy wrap">{of.remedy}</p>}
      </div>
      <div>
        <p class="beside">{text('certs.endsAt')}</p>
        <Time at={of.notAfter} relative />
      </div>
      <div>
        <p class="beside">{text('certs.usedBy')}</p>
        <UsedBy of={of} />
      </div>
    </div>
  )
}

export function RefreshOcsp() {
  return (
    <Act<Certificate[]>
      operation="refreshOcsp"
      button={text('certs.refreshOcsp')}
      title={text('certs.refreshOcsp')}
      consequence={<p>{text('certs.refreshOcspConsequence')}</p>}
      send={(_, call) => call('refreshOcsp')}
      result={(all) => {
        const bad = all.filter(({ active, ocsp }) => active && ocsp.state !== 'good')
        return bad.length === 0 ? (
          <p>{text('certs.ocspAllGood')}</p>
        ) : (
          <ul>
            {bad.map(({ sha256, subject, ocsp }) => (
              <li key={sha256}>
                <bdi>{subjectName(subject)}</bdi>: {text(`certs.ocsp.${ocsp.state}`)}
                {ocsp.error !== undefined && <p class="beside wrap">{ocsp.error}</p>}
              </li>
            ))}
          </ul>
        )
      }}
    />
  )
}
