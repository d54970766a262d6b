/** One certificate of a key: whether it can be used, until when, by whom, and what can be done with it. */
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'
import { DownloadCertificate } from './download.tsx'
import { useKeeps } from './keepers.ts'
import { Register, Unregister } from './registration.tsx'
import { type Certificate, subjectName, subjectText } from './shapes.ts'
import { CertificateState, OcspState, Stops, UsedBy } from './words.tsx'

export function CertificatePart({ of }: { of: Certificate }) {
  const { ocsp } = of
  const keeps = useKeeps()(of.usage)
  return (
    <Part
      title={text('certs.certificateNamed', { name: subjectName(of.subject) })}
      acts={
        <>
          {keeps && (of.active ? <Deactivate of={of} /> : <Activate of={of} />)}
          {of.usage === 'AUTHENTICATION' && of.state === 'saved' && <Register of={of} />}
          {of.usage === 'AUTHENTICATION' && of.state === 'registered' && <Unregister of={of} />}
          <DownloadCertificate of={of} />
          {keeps && <Delete of={of} />}
        </>
      }
    >
      {of.remedy !== undefined && <p class="note wrap">{of.remedy}</p>}
      <Facts
        of={[
          ['common.state', <CertificateState key="state" of={of} />],
          ['certs.ocsp', <Ocsp key="ocsp" of={of} />],
          ['certs.endsAt', <Time key="end" at={of.notAfter} relative />],
          ...(of.memberId === undefined
            ? []
            : ([['certs.signsFor', <NamedId key="member" of={of.memberId} />]] as [
                'certs.signsFor',
                object,
              ][])),
          ['certs.usedBy', <UsedBy key="users" of={of} />],
        ]}
      />
      <details>
        <summary>{text('certs.more')}</summary>
        <Facts
          of={[
            ['certificate.subject', <bdi key="subject">{subjectText(of.subject)}</bdi>],
            ['certificate.issuer', <bdi key="issuer">{subjectText(of.issuer)}</bdi>],
            ['certificate.notBefore', <Time key="from" at={of.notBefore} />],
            ['certs.importedAt', <Time key="imported" at={of.importedAt} />],
            ['certs.serial', <bdi key="serial">{of.serialNumber}</bdi>],
            [
              'certificate.sha256',
              <Copyable key="hash" value={of.sha256} label={text('certificate.sha256')} />,
            ],
          ]}
        />
        {ocsp.error !== undefined && <p class="wrap">{ocsp.error}</p>}
      </details>
    </Part>
  )
}

function Ocsp({ of }: { of: Certificate }) {
  const { validUntil, checkedAt } = of.ocsp
  return (
    <>
      <OcspState of={of} />
      {validUntil !== undefined && (
        <p class="beside">
          {text('certs.ocspUntil')} <Time at={validUntil} relative />
        </p>
      )}
      {validUntil === undefined && checkedAt !== undefined && (
        <p class="beside">
          {text('certs.ocspAsked')} <Time at={checkedAt} relative />
        </p>
      )}
    </>
  )
}

export function Activate({ of }: { of: Certificate }) {
  return (
    <Act<Certificate>
      operation="activateCertificate"
      button={text('certs.activate')}
      look="primary"
      title={text('certs.activateThis', { name: subjectName(of.subject) })}
      consequence={<p>{text('certs.activateConsequence')}</p>}
      send={(_, call) => call('activateCertificate', { params: { sha256: of.sha256 } })}
      result={({ remedy }) => <p class="wrap">{remedy ?? text('certs.activated')}</p>}
    />
  )
}

function Deactivate({ of }: { of: Certificate }) {
  return (
    <Act<Certificate>
      operation="disableCertificate"
      button={text('certs.deactivate')}
      title={text('certs.deactivateThis', { name: subjectName(of.subject) })}
      consequence={
        <>
          <p>{text('certs.deactivateConsequence')}</p>
          <Stops of={of} />
        </>
      }
      send={(_, call) => call('disableCertificate', { params: { sha256: of.sha256 } })}
      result={() => <p>{text('certs.deactivated')}</p>}
    />
  )
}

function Delete({ of }: { of: Certificate }) {
  const name = subjectName(of.subject)
  return (
    <Act
      operation="deleteCertificate"
      button={text('certs.deleteCertificate')}
      title={text('certs.deleteCertificateThis', { name })}
      consequence={
        <>
          <p>{text('certs.deleteCertificateConsequence')}</p>
          <Stops of={of} />
        </>
      }
      nameToType={name}
      send={(_, call) => call('deleteCertificate', { params: { sha256: of.sha256 } })}
      result={() => <p>{text('certs.certificateDeleted')}</p>}
    />
  )
}
