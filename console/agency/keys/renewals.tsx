/**
 * Certificates that renew themselves: each with its state, when it goes on, what went wrong last, and its
 * steps.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Told } from '../../kit/told.tsx'
import { Id } from '../words.tsx'
import { AcmeAccounts } from './acme-accounts.tsx'
import { AcmeAuthorities, type Authority } from './acme-authorities.tsx'
import { useKeeps } from './keepers.ts'
import { type Certificate, keyPath, subjectName, type Usage } from './shapes.ts'

type Renewal = {
  id: string
  /** Whose keys they are. */
  node: string
  usage: Usage
  memberId?: string
  caName: string
  dnsName: string
  state: 'WAITING' | 'ORDERING' | 'REGISTERING' | 'ACTIVATING' | 'RETIRING'
  stopped: boolean
  nextAt: string
  certificateSha256?: string
  nextCertificateSha256?: string
  removable: string[]
  error?: { code: string; message: string }
  steps: { at: string; step: StepName; detail: string }[]
}
type StepName = Renewal['state'] | 'BEGUN' | 'HURRIED' | 'STOPPED' | 'FAILED' | 'TAKEN_OVER' | 'REMOVED'
type Renewals = {
  available: boolean
  renewals: Renewal[]
  authorities: Authority[]
}

export function RenewalsPage() {
  const renewals = useAnswer<Renewals>('getCertificateRenewals')
  const certificates = useAnswer<Certificate[]>('getCertificates')
  const known = certificates.state === 'there' ? certificates.data : []
  return (
    <Show of={renewals} page="renewals.title">
      {(all) => (
        <>
          <Head
            title={text('renewals.title')}
            lead={text('renewals.lead')}
            acts={all.available && all.authorities.length > 0 ? <Begin of={all} /> : undefined}
          />
          {!all.available && <p class="note">{text('renewals.notSet')}</p>}
          {all.available && all.authorities.length === 0 && (
            <p class="note">{text('renewals.noAuthority')}</p>
          )}
          {all.renewals.length === 0 && (
            <Empty>
              <p>{text('renewals.none')}</p>
            </Empty>
          )}
          {all.renewals.map((one) => (
            <RenewalPart key={one.id} of={one} known={known} />
          ))}
          {all.authorities.length > 0 && <AcmeAuthorities of={all.authorities} />}
          <AcmeAccounts />
        </>
      )}
    </Show>
  )
}

function nameOf({ usage, memberId }: Pick<Renewal, 'usage' | 'memberId'>): string {
  return memberId === undefined
    ? text(`certs.usage.${usage}`)
    : `${text(`certs.usage.${usage}`)}, ${memberId}`
}

function RenewalPart({ of, known }: { of: Renewal; known: Certificate[] }) {
  const name = nameOf(of)
  const keeps = useKeeps()(of.usage)
  return (
    <Part
      title={name}
      acts={
        <>
          {keeps && !of.stopped && <Now of={of} />}
          {keeps && !of.stopped && <Stop of={of} />}
        </>
      }
    >
      {of.error !== undefined && (
        <p class="note">
          <Told words={of.error.message} />
        </p>
      )}
      <Facts
        of={[
          ['common.state', <State key="state" of={of} />],
          [
            'renewals.next',
            of.stopped ? text('renewals.never') : <Time key="next" at={of.nextAt} relative />,
          ],
          ['renewals.node', <bdi key="node">{of.node}</bdi>],
          ['renewals.authority', <bdi key="ca">{of.caName}</bdi>],
          ['renewals.dnsName', <bdi key="name">{of.dnsName}</bdi>],
          ['renewals.present', <Named key="present" sha256={of.certificateSha256} known={known} />],
          ['renewals.following', <Named key="next-one" sha256={of.nextCertificateSha256} known={known} />],
        ]}
      />
      {of.removable.length > 0 && (
        <>
          <h3>{text('renewals.removable')}</h3>
          <ul class="plain-list">
            {of.removable.map((sha256) => (
              <li key={sha256}>
                <Named sha256={sha256} known={known} />
              </li>
            ))}
          </ul>
        </>
      )}
      <details>
        <summary>{text('renewals.steps')}</summary>
        <ul class="plain-list">
          {of.steps.map(({ at, step, detail }, index) => (
            <li key={`${at} ${index}`}>
              <Time at={at} /> {text(`renewals.step.${step}`)} <bdi class="beside wrap">{detail}</bdi>
            </li>
          ))}
        </ul>
      </details>
    </Part>
  )
}

function State({ of }: { of: Renewal }) {
  if (of.stopped) return <Status tone="quiet" word="renewals.stopped" />
  const tone: Tone = of.state === 'WAITING' ? 'good' : 'warn'
  if (of.error === undefined) return <Status tone={tone} word={`renewals.step.${of.state}`} />
  return (
    <>
      <Status tone="bad" word="renewals.step.FAILED" />{' '}
      <span class="beside">{text(`renewals.step.${of.state}`)}</span>
    </>
  )
}

function Named({ sha256, known }: { sha256: string | undefined; known: Certificate[] }) {
  const certificate = known.find((one) => one.sha256 === sha256)
  if (sha256 === undefined) return <>{text('renewals.noCertificate')}</>
  if (certificate === undefined) return <Id of={sha256.slice(0, 16)} />
  return (
    <>
      <Link to={keyPath(certificate.keyId)}>
        <bdi>{subjectName(certificate.subject)}</bdi>
      </Link>{' '}
      <span class="beside">
        {text('certs.endsAt')} <Time at={certificate.notAfter} relative />
      </span>
    </>
  )
}

function Begin({ of }: { of: Renewals }) {
  const usages = (['AUTHENTICATION', 'SIGNING'] as const).filter(useKeeps())
  const fields: Field[] = [
    {
      ...{ name: 'usage', title: 'renewals.usage', type: 'select', initial: usages[0]! },
      options: usages.map((value) => ({
        value,
        title: text(`certs.usage.${value}`),
      })),
    },
    {
      ...{ name: 'caName', title: 'renewals.authority', type: 'select', initial: of.authorities[0]!.name },
      options: of.authorities.map(({ name }) => ({ value: name, title: name })),
    },
    {
      name: 'memberId',
      title: 'renewals.member',
      hint: 'renewals.memberHint',
      maxLength: 255,
      required: false,
    },
    {
      name: 'dnsName',
      title: 'renewals.dnsName',
      hint: 'renewals.dnsNameHint',
      maxLength: 253,
      required: false,
    },
  ]
  return (
    <Act
      operation="beginCertificateRenewal"
      button={text('renewals.begin')}
      title={text('renewals.begin')}
      consequence={<p>{text('renewals.beginConsequence')}</p>}
      fields={fields}
      send={({ usage, caName, memberId, dnsName }, call) =>
        call('beginCertificateRenewal', {
          body: {
            ...{ usage, caName },
            ...(usage === 'SIGNING' && memberId ? { memberId } : {}),
            ...(dnsName ? { dnsName } : {}),
          },
        })
      }
      result={() => <p>{text('renewals.begun')}</p>}
    />
  )
}

function Now({ of }: { of: Renewal }) {
  return (
    <Act
      operation="renewCertificateNow"
      button={text('renewals.now')}
      label={text('renewals.nowThis', { name: nameOf(of) })}
      title={text('renewals.nowThis', { name: nameOf(of) })}
      consequence={<p>{text('renewals.nowConsequence')}</p>}
      send={(_, call) => call('renewCertificateNow', { params: { renewal: of.id } })}
      result={() => <p>{text('renewals.begun')}</p>}
    />
  )
}

function Stop({ of }: { of: Renewal }) {
  return (
    <Act
      operation="stopCertificateRenewal"
      button={text('renewals.stop')}
      label={text('renewals.stopThis', { name: nameOf(of) })}
      title={text('renewals.stopThis', { name: nameOf(of) })}
      consequence={<p>{text('renewals.stopConsequence')}</p>}
      send={(_, call) => call('stopCertificateRenewal', { params: { renewal: of.id } })}
      result={() => <p>{text('renewals.stoppedNow')}</p>}
    />
  )
}
