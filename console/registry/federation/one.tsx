/** One external anchor: its content, what was found at its addresses, and the decisions about it. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { type Certificate, CertificateFacts } from '../../kit/certificate.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Done } from '../../kit/done.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Consequences } from '../consequences.tsx'
import { History } from '../history.tsx'
import { type ExternalAnchor, ReadingOf, StateOf } from './anchor.tsx'

type Whole = ExternalAnchor & {
  sources: { downloadUrl: string; certificates: Certificate[] }[]
  examination: {
    url: string
    version: number
    expiresAt: string
    index?: number
    members: number
    subsystems: number
    securityServers: number
    memberClasses: string[]
    certificationServices: string[]
    timestampingServices: string[]
    takesContracts: boolean
  }
  replaces: ExternalAnchor | null
  contracts: number
  history: ExternalAnchor[]
}

export function OneAnchor({ params }: { params: Record<string, string> }) {
  const sha256 = params['sha256']!
  const anchor = useAnswer<Whole>('getExternalAnchor', { params: { sha256 } })
  return (
    <Show of={anchor} page="federation.one">
      {(of) => (
        <>
          <Head
            title={text('federation.titled', { instance: of.instance })}
            lead={<StateOf state={of.state} />}
            acts={<Acts of={of} />}
          />
          {of.state === 'EXAMINED' && (
            <p class="note part">{text('federation.waits', { instance: of.instance })}</p>
          )}
          <Part title={text('federation.anchor')}>
            <Facts
              of={[
                ['anchors.hash', <Copyable key="hash" whole value={of.hash} label={text('anchors.hash')} />],
                [
                  'federation.sha256',
                  <Copyable key="sha" value={of.sha256} label={text('federation.sha256')} />,
                ],
                ['federation.generatedAt', <Time key="made" at={of.generatedAt} />],
                ['federation.examinedAt', <Done key="seen" at={of.examinedAt} by={of.examinedBy} />],
                ...(of.decidedAt === null
                  ? []
                  : ([
                      ['federation.decidedAt', <Done key="at" at={of.decidedAt} by={of.decidedBy ?? ''} />],
                    ] as [never, never][])),
                ['federation.contracts', number(of.contracts)],
              ]}
            />
            {of.replaces !== null && (
              <p class="note">
                {text('federation.replaces')}{' '}
                <Link to={`/external-anchors/${of.replaces.sha256}`}>
                  <bdi class="id wrap">{of.replaces.hash}</bdi>
                </Link>
              </p>
            )}
          </Part>
          {of.reading !== null && <Reading reading={of.reading} />}
          <Found of={of.examination} />
          <Part title={text('federation.sources')}>
            <ul class="plain-list ruled">
              {of.sources.map(({ downloadUrl, certificates }) => (
                <li key={downloadUrl}>
                  <p>
                    <Copyable value={downloadUrl} />
                  </p>
                  {certificates.map((certificate) => (
                    <CertificateFacts key={certificate.sha256} of={certificate} />
                  ))}
                </li>
              ))}
            </ul>
          </Part>
          {of.history.length > 1 && (
            <Part title={text('federation.history')}>
              <Rows<ExternalAnchor>
                caption={text('federation.history')}
                rows={of.history}
                rowKey={(one) => one.sha256}
                columns={[
                  {
                    title: 'anchors.hash',
                    cell: (one) => (
                      <Link to={`/external-anchors/${one.sha256}`}>
                        <bdi class="id wrap">{one.hash}</bdi>
                      </Link>
                    ),
                  },
                  { title: 'federation.state', cell: ({ state }) => <StateOf state={state} /> },
                  { title: 'federation.examinedAt', cell: ({ examinedAt }) => <Time at={examinedAt} /> },
                ]}
              />
            </Part>
          )}
          <History of="external-anchors" id={sha256} />
        </>
      )}
    </Show>
  )
}

function Acts({ of }: { of: Whole }) {
  const { instance, hash, sha256 } = of
  const params = { sha256 }
  if (of.state === 'EXAMINED')
    return (
      <Act
        operation="trustExternalAnchor"
        button={text('federation.trust')}
        look="primary"
        title={text('federation.trustThis', { instance })}
        consequence={
          <>
            <p>{text('federation.trustConsequence')}</p>
            <p>
              {text('anchors.hash')} <bdi class="id wrap">{hash}</bdi>
            </p>
          </>
        }
        send={(_, call) => call('trustExternalAnchor', { params })}
        result={() => <p>{text('federation.trusted')}</p>}
      />
    )
  if (of.state !== 'TRUSTED') return null
  return (
    <>
      <Act
        operation="readExternalAnchor"
        button={text('federation.readNow')}
        title={text('federation.readNow')}
        consequence={<p>{text('federation.readNowConsequence')}</p>}
        send={(_, call) => call('readExternalAnchor', { params })}
        result={() => <p>{text('federation.readDone')}</p>}
      />
      <Act
        operation="removeExternalAnchor"
        button={text('federation.remove')}
        title={text('federation.removeThis', { instance })}
        consequence={
          <>
            <p>{text('federation.removeConsequence')}</p>
            <Consequences operation="removeExternalAnchor" params={params} />
          </>
        }
        nameToType={instance}
        send={(_, call) => call('removeExternalAnchor', { params })}
        result={() => <p>{text('federation.removed')}</p>}
      />
    </>
  )
}

function Reading({ reading }: { reading: NonNullable<ExternalAnchor['reading']> }) {
  const { readAt, triedAt, failure, index } = reading
  return (
    <Part title={text('federation.configuration')}>
      <Facts
        of={[
          ['federation.now', <ReadingOf key="now" reading={reading} />],
          ['federation.readAt', readAt === null ? '' : <Time key="read" at={readAt} relative />],
          ['federation.triedAt', triedAt === null ? '' : <Time key="tried" at={triedAt} relative />],
          ...(index === null ? [] : ([['configuration.index', number(index)]] as [never, string][])),
        ]}
      />
      {failure !== null && (
        <p class="note">
          {text('federation.failure')} <bdi>{failure}</bdi>
        </p>
      )}
    </Part>
  )
}

function Found({ of }: { of: Whole['examination'] }) {
  const names = (all: string[]) => <bdi>{all.join(', ')}</bdi>
  return (
    <Part title={text('federation.found')}>
      <Facts
        of={[
          ['federation.source', <Copyable key="url" value={of.url} />],
          ['federation.version', number(of.version)],
          ['federation.members', number(of.members)],
          ['federation.subsystems', number(of.subsystems)],
          ['federation.securityServers', number(of.securityServers)],
          ['federation.memberClasses', names(of.memberClasses)],
          ['federation.certificationServices', names(of.certificationServices)],
          ['federation.timestampingServices', names(of.timestampingServices)],
          ['federation.takesContracts', text(of.takesContracts ? 'common.yes' : 'common.no')],
        ]}
      />
    </Part>
  )
}
