/**
 * The circumstances of the exchange as this server's record names them: contract, purpose, rights,
 * description.
 */
import type { ComponentChildren } from 'preact'
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Circumstances, type Exchange, messagesOf, shown } from './records.ts'

type Fact = [TextKey, ComponentChildren]

const AUTHENTICATION: Record<string, TextKey> = {
  NOSSL: 'held.nossl',
  SSLNOAUTH: 'held.sslNoAuth',
  SSLAUTH: 'held.sslAuth',
}
const SUBJECT: Record<string, TextKey> = {
  SUBSYSTEM: 'held.subsystem',
  GLOBALGROUP: 'held.globalGroup',
  LOCALGROUP: 'held.localGroup',
}

/** Path patterns that match every path. */
const WHOLE = ['**', '/**']

export function ExchangeCircumstances({ of }: { of: Exchange }) {
  const [first] = messagesOf(of)
  if (first === undefined || first.metadata === null) return null
  const { circumstances, metadata } = first
  const { configuration } = metadata
  return (
    <Part title={text('held.title')}>
      <p class="beside">{text(circumstances === null ? 'held.nothing' : 'held.lead')}</p>
      <Facts
        of={[
          ...(circumstances === null ? [] : factsOf(circumstances)),
          ...fact('held.configuration', configuration && <bdi>{configuration}</bdi>),
        ]}
      />
      {metadata.circumstances !== undefined && (
        <details>
          <summary>{text('held.proof')}</summary>
          <Facts
            of={[
              ['held.hash', <Copyable key="hash" value={metadata.circumstances} label={text('held.hash')} />],
              ...(circumstances === null ? [] : hashesOf(circumstances)),
            ]}
          />
        </details>
      )}
    </Part>
  )
}

function factsOf({ side, authentication, contract, endpoint, right }: Circumstances): Fact[] {
  const isProvider = side === 'provider'
  return [
    [
      'held.contract',
      contract === undefined ? text('record.noContract') : <Contract key="contract" of={contract} />,
    ],
    ...fact('held.purpose', contract && <Purpose of={contract.purpose} />),
    ...fact('held.legalBasis', contract && <bdi class="wrap">{contract.legalBasis}</bdi>),
    ...fact('held.covered', contract && <Endpoint of={contract.endpoint} />),
    ...fact('held.group', contract?.globalGroup && <bdi>{contract.globalGroup}</bdi>),
    ...fact(
      'held.endpoint',
      endpoint && (
        <Link to={searchOf({ endpoint: `${endpoint.method} ${endpoint.path}` })}>
          <Endpoint of={endpoint} />
        </Link>
      ),
    ),
    ...fact('held.right', right && <Right of={right} />),
    ...fact('held.right', isProvider && right === undefined && text('held.noRight')),
    ...fact('held.authentication', authentication && text(AUTHENTICATION[authentication]!)),
  ]
}

function hashesOf({ contract, service }: Circumstances): Fact[] {
  const hash = (key: TextKey, value: string | undefined): Fact[] =>
    fact(key, value && <Copyable value={value} label={text(key)} />)
  const description = service?.description
  return [
    ...hash('held.contractHash', contract?.hash),
    ...hash('held.document', description?.document),
    ...hash('held.published', description?.published),
    ...fact('held.since', description && <Time at={description.since} exact />),
  ]
}

function fact(key: TextKey, value: ComponentChildren): Fact[] {
  return value === undefined || value === false || value === '' ? [] : [[key, value]]
}

function Contract({ of: { title, id, version } }: { of: NonNullable<Circumstances['contract']> }) {
  return (
    <>
      <bdi class="wrap">{title}</bdi>
      <br />
      <Copyable value={`${id}/${version}`} label={text('record.contract')} />
      <br />
      <Link to={searchOf({ contract: `${id}/${version}` })}>{text('held.sameContract')}</Link>
    </>
  )
}

function Purpose({ of }: { of: string }) {
  return (
    <>
      <bdi class="wrap">{of}</bdi>
      <br />
      <Link to={searchOf({ purpose: of })}>{text('held.samePurpose')}</Link>
    </>
  )
}

function searchOf(filter: Record<string, string>): string {
  return `/records?${new URLSearchParams(filter).toString()}`
}

function Right({ of: { endpoint, grants } }: { of: NonNullable<Circumstances['right']> }) {
  return (
    <>
      <Endpoint of={endpoint} />
      <ul class="plain-list">
        {grants.map(({ subjectType, subject, since }) => (
          <li key={`${subjectType} ${subject}`}>
            {text(SUBJECT[subjectType]!)} <bdi class="wrap">{shown(subject)}</bdi>,{' '}
            {text('held.grantedSince')} <Time at={since} exact />
          </li>
        ))}
      </ul>
    </>
  )
}

function Endpoint({ of: { method, path } }: { of: { method: string; path: string } }) {
  if (method === '*' && WHOLE.includes(path)) return <>{text('held.wholeService')}</>
  return (
    <bdi class="wrap">
      {method} {path}
    </bdi>
  )
}
