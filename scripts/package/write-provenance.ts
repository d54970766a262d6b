/** Says of what a package was made, as an in-toto statement with SLSA's provenance, version 1. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Component } from './list-components.ts'
import { ROOT, type Source } from './read-source.ts'

/**
 * The statement as JSON. It is not signed: whoever publishes the package signs it. It has no time and no name
 * of a machine, since the same commit and inputs give the same bytes anywhere.
 */
export async function provenanceOf(q: {
  source: Source
  components: Component[]
  kind: string
  subject: { name: string; sha256: string }
}): Promise<string> {
  const lock = await readFile(path.join(ROOT, 'package-lock.json'))
  const { commit, changed, version } = q.source
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: q.subject.name, digest: { sha256: q.subject.sha256 } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:concordat:package:v1',
        externalParameters: { kind: q.kind, version, sourcesDifferFromCommit: changed },
        resolvedDependencies: [
          { name: 'source', digest: { gitCommit: commit } },
          { name: 'package-lock.json', digest: { sha256: createHash('sha256').update(lock).digest('hex') } },
          ...q.components
            .filter(({ purl }) => !purl.startsWith('pkg:npm/'))
            .map(({ purl }) => ({ uri: purl })),
        ],
      },
      runDetails: { builder: { id: 'urn:concordat:command-line', version: { concordat: version } } },
    },
  }
  return `${JSON.stringify(statement, null, 2)}\n`
}
