/*
 * Roots, tile and bundle hashes and consistency proofs of the golden tree: leaf i is i in ASCII decimal. Computed by
 * an independent program and checked against the RFC 6962 eight-leaf vector.
 */

/** Per size: root, [full, partial] tiles per level, proof lengths of the first and the last leaf. */
export const GOLDEN_SIZES: readonly {
  size: number;
  root: string;
  tiles: readonly [full: number, partialWidth: number][];
  proofLengths?: readonly [first: number, last: number];
}[] = [
  { size: 0, root: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', tiles: [] },
  {
    size: 1,
    root: 'db3426e878068d28d269b6c87172322ce5372b65756d0789001d34835f601c03',
    tiles: [[0, 1]],
    proofLengths: [0, 0],
  },
  {
    size: 2,
    root: 'cb00989d94a569c0a678ae042b63dcd4625db96440517f37a6eb7976ea24ed4b',
    tiles: [[0, 2]],
    proofLengths: [1, 1],
  },
  {
    size: 3,
    root: '725d5230db68f557470dc35f1d8865813acd7ebb07ad152774141decbae71327',
    tiles: [[0, 3]],
    proofLengths: [2, 1],
  },
  {
    size: 255,
    root: '32f85bcaa87d7bcd05728f09e9aeba350ba6a2f733830087f0597682848be5cb',
    tiles: [[0, 255]],
    proofLengths: [8, 7],
  },
  {
    size: 256,
    root: '828515d033c19d8c901f37eccb8aed919667703486f8d2fff1cf7040321c5db1',
    tiles: [
      [1, 0],
      [0, 1],
    ],
    proofLengths: [8, 8],
  },
  {
    size: 257,
    root: '1eda049a4351d86f76252bd7ec0b7746ad75b7fa0316ad5f541dbda458a312c4',
    tiles: [
      [1, 1],
      [0, 1],
    ],
    proofLengths: [9, 1],
  },
  {
    size: 65535,
    root: '74f13a0e1a75689372efb990cf68c664e44c763d9304844955b2eaff624e8df1',
    tiles: [
      [255, 255],
      [0, 255],
    ],
    proofLengths: [16, 15],
  },
  {
    size: 65536,
    root: 'f025d06ed804859fd274a1bdacadd6e48ea87634aa91e1edb20143f9498cd02b',
    tiles: [
      [256, 0],
      [1, 0],
      [0, 1],
    ],
    proofLengths: [16, 16],
  },
  {
    size: 65537,
    root: 'dc8795a25fd4bd52a0b84f639fd3139ba160824023d188e428eb5db0f3ce221a',
    tiles: [
      [256, 1],
      [1, 0],
      [0, 1],
    ],
    proofLengths: [17, 1],
  },
  {
    size: 70000,
    root: '1a4cdfcb66374a0c0dcbef49acbd4976d13ee864fb3cb241fc943cad04f02f7e',
    tiles: [
      [273, 112],
      [1, 17],
      [0, 1],
    ],
    proofLengths: [17, 9],
  },
];

/** Path, length in bytes and SHA-256 of served tiles and entry bundles. */
export const GOLDEN_RESOURCES: readonly (readonly [path: string, bytes: number, sha256: string])[] = [
  ['tile/0/000.p/1', 32, '46c9a423311ee51408c25c3ef319c3f3f63fffba2f4cb1975cdc77a8b30192ae'],
  ['tile/0/000.p/2', 64, '990225378ad5a012b8c271f7cd9faa555d5af90900807f8ce9909fc693981c6e'],
  ['tile/0/000.p/3', 96, '638b6fbfd46eda6f696d6f335d8356fd9569c7a19cdb080f7544ff24939672c8'],
  ['tile/0/000.p/255', 8160, '9d9bd2803bc8900529b871edd3ef9109d8f43b9e7d8d5c72455a4926eca23bbf'],
  ['tile/0/000', 8192, 'b9704a8bfbee2c61185ceb38904a49f3f703c81e194b5b2ccdc254c2bdaaa62b'],
  ['tile/0/001.p/1', 32, '981d45e4e43aa88052c5977a60140d138c34616386a58afd1dd8c3045e7a5a50'],
  ['tile/1/000.p/1', 32, 'd8543884b063e422f6de2e558c6b11eb5e1a20528ccfe23cf27ceeb764b93a6e'],
  ['tile/1/000.p/255', 8160, 'f7a2e94116be7c8a9ff17cd53f1354a9366d5d4ebd309a95141b7edcbc1e4114'],
  ['tile/1/000', 8192, 'ea7b038bc73489c89c31a27ac355aaca65a4ed73f0dd7484e68deb29d30f10a2'],
  ['tile/2/000.p/1', 32, 'f0113c8bad855b49f9a5dd661d50012cd94f19aae87a45eb8334666835e3caea'],
  ['tile/0/273.p/112', 3584, '4d21244557c976993a9a89bf928a46b5a876585228df279878239fd84489e5a5'],
  ['tile/1/001.p/17', 544, 'adfaca2731630fe7944a4b98a0f98ef3e98685eafda09e6f81070218fb759ce4'],
  ['tile/entries/000.p/1', 3, '5e2d26e1c33911cb072566cf820f79cac875cd5535c6fb5b7539ae029e59c0df'],
  ['tile/entries/000.p/3', 9, '7e649a3b5b85f2a78064824bfcf856981635707639c561e450592548b6aeb695'],
  ['tile/entries/000.p/255', 1165, '1c9b8c72a68f4046b43d1c814583b41f05c164ece11d0c54945fea3e08eecdb5'],
  ['tile/entries/000', 1170, '94693d5c6d6a0355ec07bac8214516c1ce6a5100b0588f226fd95f26571157d7'],
  ['tile/entries/001.p/1', 5, '27224137367efa18fb136223191d2ebf06b90d9cf92022eef939d58a3c7eaf9e'],
  ['tile/entries/255.p/255', 1785, '7905dddeecbdbe6332025ab62e2332b2cfe4cdee41182ef51d95f5ce3354732c'],
  ['tile/entries/255', 1792, '5558e7ced4f623654fd429452a1f0ef3033a2b8ac677df283c2be08e4543b14e'],
  ['tile/entries/256.p/1', 7, '5716d8e78134f516c9f4b6fc83a357233f8baf29221d7551959260a2e6af06f1'],
  ['tile/entries/273.p/112', 784, '36c3ec44895d1b8098dbe8523078d6750bf09e0f12cd64671ebfe165b7647405'],
];

/** Sizes, count of hashes, SHA-256 over the hashes in RFC 6962 order. */
export const GOLDEN_CONSISTENCY: readonly (readonly [size1: number, size2: number, hashes: number, sha256: string])[] =
  [
    [1, 2, 1, '0e071490f3a490911d568857d29ab9b695426c85254d2c2dab72807584f624ec'],
    [2, 3, 1, 'a266a3b52441a6b9543b7621e489710375df1479329837d6ff0017e4b4c110d9'],
    [3, 7, 4, '5aebea59ecd331e61fd0c2c3fb55e88a0f133100b5a01e729d2ccf3aefc9db7d'],
    [255, 256, 9, '1c231b2ef466cf20222020366a9e6391645f4b0fdc93da68e82b4b5c33e0b64f'],
    [256, 257, 1, '981d45e4e43aa88052c5977a60140d138c34616386a58afd1dd8c3045e7a5a50'],
    [255, 257, 10, '9ac0efc5fea9ae47142082cbc6d6f4bbf26473e02b5b92a7c86db20bf77e49bc'],
    [65535, 65536, 17, '950bbc749133a8d37d1d44ea72df7d5c9a7e487239ca2afd94a877f5e30b8e5d'],
    [65536, 65537, 1, '318d087e2d45783a0906670edd9fbd919c2dd7bf50e1eb47ff27b3e7a4801b31'],
    [1, 65537, 17, '2684641e734e71451e6127e364931411cb6a5449833bfa44605f692a56c071c5'],
    [257, 65535, 17, 'aa3fc3e10573d3537628819fce44d9c5d50d65b980a805be319c51ee05813160'],
    [65537, 70000, 15, '922bd62cffc6d2c4bba42c338b4d76f3fcf1cb8b8dd3114ff0d8dd9dc7847b4f'],
  ];
