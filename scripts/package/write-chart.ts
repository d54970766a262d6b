/**
 * Writes the Helm chart as the archive that `helm install` and `helm push` take. Its version is the
 * package's.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Source } from './read-source.ts'
import { writeTar } from './write-tar.ts'

const CHART = path.join(import.meta.dirname, 'helm')
/** In the folder above the chart's files, as Helm demands. */
const NAME = 'concordat'

/** Returns the file. Needs no Helm. */
export async function writeChart(q: { source: Source; work: string; output: string }): Promise<string> {
  const { version, seconds } = q.source
  const folder = path.join(q.work, 'chart')
  await mkdir(folder, { recursive: true })
  await cp(CHART, path.join(folder, NAME), { recursive: true })
  const manifest = path.join(folder, NAME, 'Chart.yaml')
  await writeFile(
    manifest,
    (await readFile(manifest, 'utf8')).replaceAll(/ersion: 0\.0\.0$/gm, `ersion: ${version}`),
  )
  const tar = path.join(q.work, 'chart.tar')
  await writeTar({ file: tar, folder, names: [NAME], seconds })
  await promisify(execFile)('gzip', ['--no-name', '-9', tar])
  const file = path.join(q.output, `${NAME}-${version}.tgz`)
  await writeFile(`${file}.part`, await readFile(`${tar}.gz`))
  await rename(`${file}.part`, file)
  return file
}
