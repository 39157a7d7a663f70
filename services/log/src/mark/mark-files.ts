import { readdir } from 'node:fs/promises';
import { type Files, systemFiles } from '../export/files.ts';

/** The file operations of a mark, one system call's worth each. Errors carry the system's `code`. */
export interface MarkFiles
  extends Pick<Files, 'read' | 'writeNew' | 'link' | 'makeFolder' | 'syncFolder' | 'remove' | 'list'> {
  names(folder: string): Promise<string[]>;
}

export const systemMarkFiles: MarkFiles = { ...systemFiles, names: (folder) => readdir(folder) };
