/**
 * `concordat package`: writes what others install: an OCI image, a Debian package, an archive, a Helm chart.
 * Needs no container engine.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { readSource } from './package/read-source.ts'
import { stageTree } from './package/stage-tree.ts'
import { writeArchive } from './package/write-archive.ts'
import { writeChart } from './package/write-chart.ts'
import { writeDebianPackage } from './package/write-debian-package.ts'
import { writeImage } from './package/write-image.ts'

const USAGE = `Usage: concordat package <image, debian, archive or helm> [...] --output <folder> [--compression <1 to 9>]

Writes the servers, adapters and the command line, built, with their pages and with Node, for Linux on x64:
an OCI image (podman load, docker load, skopeo copy oci-archive:...), a Debian package with systemd units, or an archive for
other distributions. Each has a list of what is in it (CycloneDX) and says from what it was made (SLSA provenance).
helm writes the chart that runs the image on Kubernetes.
The same commit with the same packages and libraries gives the same bytes.

  --compression <1 to 9>   how small: 1 is quick, for a package that is only tried out (6)
`

const WRITERS = { image: writeImage, debian: writeDebianPackage, archive: writeArchive }

const HELM = 'helm'

/** Exit code 0 when the packages are written, with a line for each file, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const options = {
    output: { type: 'string' },
    compression: { type: 'string', default: '6' },
    help: { type: 'boolean', short: 'h' },
  } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  const wrong =
    positionals.length === 0 || positionals.some((kind) => kind !== HELM && !Object.hasOwn(WRITERS, kind))
  if (wrong || values.output === undefined || !/^[1-9]$/.test(values.compression)) {
    process.stderr.write(USAGE)
    return 2
  }
  const compression = Number(values.compression)
  const output = path.resolve(values.output)
  await mkdir(output, { recursive: true })
  const work = await mkdtemp(path.join(os.tmpdir(), 'concordat-package-'))
  try {
    const source = await readSource()
    const kinds = new Set(positionals)
    // The chart holds no programs.
    if (kinds.delete(HELM)) process.stdout.write(`${await writeChart({ source, work, output })}\n`)
    if (kinds.size === 0) return 0
    const tree = await stageTree(path.join(work, 'tree'), source)
    for (const kind of kinds as Set<keyof typeof WRITERS>) {
      // Each adds files of its own; links to the others' take no time.
      const own = path.join(work, kind)
      await promisify(execFile)('cp', ['--archive', '--link', tree.folder, own])
      const file = await WRITERS[kind]({ tree: { ...tree, folder: own }, work, output, compression })
      process.stdout.write(`${file}\n`)
    }
    return 0
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
