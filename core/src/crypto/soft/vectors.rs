//! RSA signatures made with OpenSSL, and a reader of hexadecimal numbers.

use alloc::vec::Vec;

/// The bytes that hexadecimal digits stand for.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A modulus of 1026 bits, whose exponent is 3.
pub(crate) const N_1026: &str = "
    0368a8d268093651f9204868e618c4188dd844a7e306827416bc4fe49b6b142e992acd1f32d2b31a8f5a423d7ea5d40162e4ec72c9f3fe8c
    59989bb5cb4b6adce09a13071a69f1d4bbd3d3e5d5b285b3024c6e20bc7752f13b245166b91a91837c61c7cb725c8dd2b92b1d1eb6597f39
    139a3374b6989bed49175b76fc644cf1c9";

/// The signature on `sanssh` with SHA-512, by the key of [`N_1026`].
pub(crate) const SIGNATURE_1026: &str = "
    01eb6d5aa147352150b1c93d607f769081582c5ae809ebe40b6b4447c6628de64972ed86a9d34a3311884345c94e8887f069c3408eb6250d
    fa8341f55452355b4e7dc53b71ea5f5a6233cb979a70f4139985437320987656036f1a6ab4bdcc32e90b2d2f68738d99e568e6f5238f481b
    2f1d6e68b6a07e04e7f4575cf27ab6b7fe";

/// A modulus of 2048 bits, whose exponent is 65537.
pub(crate) const N_2048: &str = "
    914f0e7c9e81652619b2b3fcd43499c534ea095161186204fdb2007b81efded44b007ac2cf7c09a0d864f33e4f78ece2fc049e35989f77f1
    6c0ac201d9ffde8edd0731b6428c443eba1cf6a834a7e5ca03c194b7e7f65dcb8befcf7a636c9efe00aa84dd659a0ecc436fb83af62d6621
    f89ac08c9878daa22df38582e2b937399e3645a97a3539dbced4e28df60ae69543fcde0c2c4f583c85ce21cd8760722fcd1ad85e2754a7b6
    0dbe7ad3b90924db4ef425ce1f08963b3b76926225af6308f2779c63c92eb4df1c3c20f434b941b6669302c6e52038b1ef2c52441c5f7bb9
    479946f1b1a8326c5de63c069dabaa6c731409c02660e2de6bf54a47a3747b69";

/// The signature on `sanssh` with SHA-256, by the key of [`N_2048`].
pub(crate) const SIGNATURE_SHA256: &str = "
    82aa88d0828d5a89a174267c38f9f99aebcc89c64a12beba14c4341b72cbaa3be82228d5cc649ce533b910d85d2ed18bf5237e7d75fbb42c
    f37e8146d38fb9f0561dcee93bf4c1edc5c3a47c53f9aa54a1651eb8e2fceef9ebbdc4c9f633acad53e7e4f6a42b36ce0318c571e8079489
    d80a02a005044e251c263a7bffd77b748cd5c0b2e5732d03d0de8919babef2e99ed83b2400846574560fabc33c7e2531707e29d7bccc6dd6
    f3aeb16d71c9cf7e36945acfdfb195bf18d5fe05fe49602ed77c2c685bc8ed0d1aac6996dd5413b79bcf473abf5548fa9f77ebc7e6f00f39
    a7431127d7e15fcdeeb19fabc4391c67d2563b171b4912d52b013b8106815f18";

/// The signature on `sanssh` with SHA-512, by the key of [`N_2048`].
pub(crate) const SIGNATURE_SHA512: &str = "
    83bd7571282446f60a9b28835b71c01cae1058788ac3c69da00f1d50fa793f29683b2c74589e703bc2ef4b2dab86324a334745218f8b260b
    8e1f7bb0762e5ef17b8b3bc82a3e52020060e61ff0fce3ac2510bb0bfddab12ac7d41f8029575f74f155acc14264a2fb2baa5502a6baafa2
    a5e013af2ca5ba9837d8b8e44bba1925c98367d19b4f4685fccdc68eb4344a8ff6b2add5a968064ed766a2a757a387e3be14ef4b9e54e735
    b536d4dfc3610c6d01e1a6b265cf2725120c01d6ddb41258203e153f11d5eab7038421dfb23897f8e905e3a85a7895a2ec702e0151987dfa
    bdfcfd940cd8f113869ef1e620a2876fa83117e0eb2afeab7fe82fa0b9f8fa42";

/// The signature on `98` with SHA-256, by the key of [`N_2048`], without its leading zero.
pub(crate) const SIGNATURE_SHORT: &str = "
    cd62fc5be1a46b029041779a713c3d7f46926f68e145d2bd92d0e19f7c95643206adf58e4013710e84c3983d8caf003f4054792e24279dfa
    60d7ed7debb4e38a2a629fb18dfe16f775f64416c8539fc57b2507aaf27b633008b334c388a1fe0fb230a567fae83d517208eca7d48162a2
    9e739f4022e0ccb43d23e9798d718ae5049ff769bc36425e775f350e662ab283ac85f5934d3ba283a1fbf4958100389baea0b20e14f8ba96
    4fc2fa2ccbc1ff4dfdf70d6da3f3dbb86768357836edf47470fb3f08f8dbebf3cd7dfb88401db81de672096e909270365b6ab44169b3c10e
    05bfcf39a41c6f1fc23ecd7e2cbf75398dbd95e09c521b3c429be34460a6a5";
