/**
 * Pure: what a document is, and which step comes next.
 *
 * A document is always in one recorded state, and each state names the one
 * step that leads out of it. Steps may be repeated: whoever finds a document
 * goes on where the one before stopped, so that a process may die anywhere.
 *
 *   uploading → processing → passed → available → approving → approved
 *                    └──────────┬────────┴─────────────┘
 *                           rejecting → rejected
 *   any → deleting → (no record)
 */

export const DOCUMENT_TYPES = ['license', 'rc', 'insurance', 'photo', 'aadhar'] as const
export type DocumentType = (typeof DOCUMENT_TYPES)[number]

/** An Aadhaar card is sealed under a key of its own, and opened with a reason only. */
export function isSealed(type: DocumentType): boolean {
  return type === 'aadhar'
}

export const CONTENT_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'application/pdf'] as const
export type ContentType = (typeof CONTENT_TYPES)[number]

export const STATES = [
  'uploading',
  'processing',
  'passed',
  'available',
  'approving',
  'approved',
  'rejecting',
  'rejected',
  'deleting',
] as const
export type State = (typeof STATES)[number]

/** Where nothing is left to do: only people, or time, lead on from here. */
export const RESTING: readonly State[] = ['uploading', 'available', 'approved', 'rejected']

/** What leads from a state to another. Every stored change of state is one of these. */
export const TRANSITIONS = {
  complete: { from: ['uploading'], to: 'processing' },
  pass: { from: ['processing'], to: 'passed' },
  publish: { from: ['passed'], to: 'available' },
  approve: { from: ['available', 'approving'], to: 'approving' },
  approved: { from: ['approving'], to: 'approved' },
  reject: { from: ['processing'], to: 'rejecting' },
  /** By a person: a check has already passed it. */
  refuse: { from: ['available', 'approving', 'approved'], to: 'rejecting' },
  rejected: { from: ['rejecting'], to: 'rejected' },
  delete: { from: STATES.filter((state) => state !== 'deleting'), to: 'deleting' },
} as const satisfies Record<string, { readonly from: readonly State[]; readonly to: State }>
export type Transition = keyof typeof TRANSITIONS

export const REJECTIONS = [
  'size_mismatch',
  'checksum_mismatch',
  'type_not_allowed',
  'type_mismatch',
  'malware',
  'damaged',
  'active_content',
  'hidden_content',
  'too_complex',
  'encrypted',
  'by_reviewer',
] as const
export type RejectionReason = (typeof REJECTIONS)[number]
/** Those that a check gives. */
export type CheckedReason = Exclude<RejectionReason, 'by_reviewer'>

export interface Rejection {
  readonly reason: RejectionReason
  /** For its owner. */
  readonly text: string
}

/** What the owner reads, before “Please upload it again”; a reviewer writes his own. */
export const REJECTION_TEXTS: Readonly<Record<CheckedReason, string>> = {
  size_mismatch: 'The file arrived incomplete',
  checksum_mismatch: 'The file changed on its way',
  type_not_allowed: 'Only photos (JPEG, PNG, WebP) and PDF files are accepted',
  type_mismatch: 'The file is not what its name says',
  malware: 'A virus was found in the file',
  damaged: 'The file is damaged and cannot be opened',
  active_content: 'The PDF contains scripts, attachments or forms; a plain scan is needed',
  hidden_content: 'The file holds more than one kind of content; a new photo is needed',
  too_complex: 'The file is too large once it is opened; a simpler scan is needed',
  encrypted: 'The PDF needs a password; one without is needed',
}

/** Why a document is deleted. */
export const DELETIONS = ['request', 'abandoned', 'retention'] as const
export type Deletion = (typeof DELETIONS)[number]

/** The file as it is stored in the end. */
export interface StoredFile {
  readonly contentType: ContentType
  readonly sizeBytes: number
  readonly hasThumbnail: boolean
}

export interface Review {
  readonly by: string
  readonly atMs: number
}

export interface Document {
  readonly id: string
  readonly userId: string
  readonly type: DocumentType
  /** As the owner called it: for display, never for a key. */
  readonly fileName: string
  /** As announced. */
  readonly contentType: ContentType
  readonly sizeBytes: number
  /** Hexadecimal, in lower case. */
  readonly sha256: string
  readonly state: State
  readonly createdMs: number
  readonly changedMs: number
  /** Examinations that were begun: more than a few that never ended are a file that breaks its reader. */
  readonly examinations: number
  readonly stored?: StoredFile
  readonly rejection?: Rejection
  readonly review?: Review
  readonly deletion?: Deletion
  /** Its owner has still to be told that it was rejected. */
  readonly isOwnerUntold?: boolean
}

/** What is to be done next; undefined where a document rests. */
export type Step = 'examine' | 'publish' | 'approve' | 'reject' | 'tell_owner' | 'delete'

export function nextStep({ state, isOwnerUntold = false }: Document): Step | undefined {
  switch (state) {
    case 'processing':
      return 'examine'
    case 'passed':
      return 'publish'
    case 'approving':
      return 'approve'
    case 'rejecting':
      return 'reject'
    case 'rejected':
      return isOwnerUntold ? 'tell_owner' : undefined
    case 'deleting':
      return 'delete'
    case 'uploading':
    case 'available':
    case 'approved':
      return undefined
  }
}

/** Whether there is a file to look at. */
export function hasFile({ state }: Document): boolean {
  return state === 'available' || state === 'approving' || state === 'approved'
}
