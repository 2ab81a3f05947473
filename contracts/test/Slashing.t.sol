// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BondSlashing} from "../BondSlashing.sol";
import {MerkleLog} from "../MerkleLog.sol";
import {BondTest} from "./BondTest.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice Complete evidence: what it takes, what it never takes, and who is paid how often.
contract SlashingTest is BondTest {
    uint64 private constant LEAVES = 60;

    /// @dev An adversary with every signed head, every node and some freedom to bend them.
    function testFuzz_an_honest_transcript_is_never_slashable(uint256 seed, uint256 pick, bytes32 junk) public {
        uint64 size = between(pick >> 8, 2, LEAVES);
        bytes32[] memory all = ReferenceTree.leaves(seed, 0, size, size);
        uint64 oldSize = between(pick >> 72, 1, size - 1);
        SignedCheckpoint memory older = headOf(all, oldSize);
        SignedCheckpoint memory newer = headOf(all, size);
        refusesSameSize(older, newer);
        refusesSameSize(newer, newer);
        bentInclusion(all, older, newer, pick, junk);
        bentConsistency(all, older, newer, pick, junk);
        expectStatus(Status.Active);
    }

    function testFuzz_conflicting_heads_are_always_slashable(uint256 seed, uint256 fork, uint256 pick) public {
        uint64 size = between(pick >> 8, 1, LEAVES);
        uint64 oldSize = between(pick >> 72, 1, size);
        // The transcripts part below the smaller head, or the heads would not conflict.
        uint64 shared = between(pick >> 136, 0, oldSize - 1);
        bytes32[] memory honest = ReferenceTree.leaves(seed, 0, size, size);
        bytes32[] memory forked = ReferenceTree.leaves(seed, fork, shared, size);
        SignedCheckpoint memory older = headOf(forked, oldSize);
        SignedCheckpoint memory newer = headOf(honest, size);
        if (pick & 1 == 0) {
            uint64 index = between(pick >> 200, shared, oldSize - 1);
            Leaf memory leafA = Leaf(forked[index], ReferenceTree.inclusion(forked, index, oldSize));
            Leaf memory leafB = Leaf(honest[index], ReferenceTree.inclusion(honest, index, size));
            bond.slashLeafConflict(LOG, index, older, leafA, newer, leafB, UNPAID);
        } else if (size == oldSize) {
            bond.slashSameSize(LOG, older, newer, UNPAID);
        } else {
            (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(honest, oldSize, size);
            bond.slashInconsistent(LOG, older, newer, start, path, UNPAID);
        }
        expectStatus(Status.Slashed);
    }

    function testFuzz_heads_that_part_later_do_not_conflict(uint256 seed, uint256 fork, uint256 pick) public {
        uint64 size = between(pick >> 8, 2, LEAVES);
        uint64 oldSize = between(pick >> 72, 1, size - 1);
        bytes32[] memory honest = ReferenceTree.leaves(seed, 0, size, size);
        bytes32[] memory later = ReferenceTree.leaves(seed, fork, oldSize, size);
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(later, oldSize, size);
        SignedCheckpoint memory older = headOf(honest, oldSize);
        SignedCheckpoint memory newer = headOf(later, size);
        vm.expectRevert(Consistent.selector);
        bond.slashInconsistent(LOG, older, newer, start, path, UNPAID);
    }

    function testFuzz_every_permutation_of_evidence_pays_once(bytes32 rootA, bytes32 rootB, uint64 size) public {
        vm.assume(rootA != rootB && size != 0);
        SignedCheckpoint memory a = head(size, rootA);
        SignedCheckpoint memory b = head(size, rootB);
        Reveal memory reveal = commitTo(a, b, "salt");
        bond.slashSameSize(LOG, b, a, reveal);
        require(bond.owed(REPORTER) == STAKE / 20, "reward");
        bytes memory final_ = abi.encodeWithSelector(WrongStatus.selector, Status.Slashed);
        vm.expectRevert(final_);
        bond.slashSameSize(LOG, a, b, reveal);
        vm.expectRevert(final_);
        bond.slashSameSize(LOG, b, a, reveal);
        vm.expectRevert(final_);
        bond.slashSameSize(LOG, a, b, UNPAID);
        SignedCheckpoint memory c = head(size, keccak256(abi.encode(rootA, rootB)));
        Reveal memory another = commitTo(a, c, "salt");
        vm.expectRevert(final_);
        bond.slashSameSize(LOG, a, c, another);
        require(bond.owed(REPORTER) == STAKE / 20, "paid twice");
    }

    function test_the_reward_is_five_percent_and_the_rest_burns() public {
        (SignedCheckpoint memory a, SignedCheckpoint memory b) = equivocation();
        bond.slashSameSize(LOG, a, b, commitTo(a, b, "salt"));
        uint256 before = REPORTER.balance;
        bond.claim(payable(REPORTER));
        require(REPORTER.balance - before == STAKE / 20, "reward");
        bond.burn(LOG, operator);
        require(bond.BURN_ADDRESS().balance == STAKE - STAKE / 20, "burn");
        require(address(bond).balance == 0, "left over");
        vm.expectRevert(NothingOwed.selector);
        bond.burn(LOG, operator);
        vm.expectRevert(NothingOwed.selector);
        bond.claim(payable(REPORTER));
    }

    function test_slashing_without_a_commitment_is_unpaid_and_always_works() public {
        (SignedCheckpoint memory a, SignedCheckpoint memory b) = equivocation();
        bond.slashSameSize(LOG, a, b, UNPAID);
        bond.burn(LOG, operator);
        require(bond.BURN_ADDRESS().balance == STAKE, "burn");
    }

    function test_a_reward_needs_a_commitment_of_a_minute_before() public {
        (SignedCheckpoint memory a, SignedCheckpoint memory b) = equivocation();
        vm.expectPartialRevert(NotCommitted.selector);
        bond.slashSameSize(LOG, a, b, Reveal(REPORTER, "salt"));
        bytes32 commitment = commitmentFor(a, b, REPORTER, "salt");
        bond.commit(commitment);
        vm.expectRevert(abi.encodeWithSelector(AlreadyCommitted.selector, commitment));
        bond.commit(commitment);
        vm.warp(block.timestamp + 59);
        vm.expectPartialRevert(TooEarly.selector);
        bond.slashSameSize(LOG, a, b, Reveal(REPORTER, "salt"));
        vm.expectPartialRevert(NotCommitted.selector);
        bond.slashSameSize(LOG, a, b, Reveal(OWNER, "salt"));
        vm.expectPartialRevert(NotCommitted.selector);
        bond.slashSameSize(LOG, a, b, Reveal(REPORTER, "pepper"));
        vm.warp(block.timestamp + 1);
        bond.slashSameSize(LOG, a, b, Reveal(REPORTER, "salt"));
        expectStatus(Status.Slashed);
    }

    function testFuzz_the_commitment_does_not_depend_on_the_order(bytes32 a, bytes32 b, address who, bytes32 salt)
        public
        view
    {
        require(bond.commitmentOf(a, b, who, salt) == bond.commitmentOf(b, a, who, salt), "order");
    }

    function test_evidence_mixes_the_signers_of_one_bond() public {
        uint256 newKey = 0xB0B;
        bytes memory possession = possess(LOG, newKey, OWNER);
        SignedCheckpoint memory closing = head(5, "closing");
        vm.prank(OWNER);
        bond.rotateSigner(LOG, vm.addr(newKey), possession, closing);
        SignedCheckpoint memory fork = signedBy(newKey, 5, "fork");
        bond.slashSameSize(LOG, fork, closing, UNPAID);
        require(bond.status(LOG, vm.addr(newKey)) == Status.Slashed, "new signer");
        expectStatus(Status.Slashed);
    }

    function test_signers_of_two_bonds_are_no_evidence() public {
        register(LOG, 0xB0B, OWNER, STAKE);
        SignedCheckpoint memory a = head(5, "a");
        SignedCheckpoint memory b = signedBy(0xB0B, 5, "b");
        vm.expectRevert(abi.encodeWithSelector(DifferentBonds.selector, operator, vm.addr(0xB0B)));
        bond.slashSameSize(LOG, a, b, UNPAID);
        SignedCheckpoint memory stranger = signedBy(0xC, 5, "c");
        vm.expectRevert(abi.encodeWithSelector(NotRegistered.selector, LOG, vm.addr(0xC)));
        bond.slashSameSize(LOG, a, stranger, UNPAID);
    }

    function test_heads_of_another_log_are_no_evidence() public {
        bytes32 other = keccak256("other log");
        register(other, KEY, OWNER, STAKE);
        SignedCheckpoint memory a = head(5, "a");
        SignedCheckpoint memory b = SignedCheckpoint(5, "b", signature(KEY, bond.digest(other, 5, "b")));
        vm.expectPartialRevert(NotRegistered.selector);
        bond.slashSameSize(LOG, a, b, UNPAID);
        vm.expectPartialRevert(NotRegistered.selector);
        bond.slashSameSize(other, a, b, UNPAID);
    }

    function test_malformed_evidence_is_refused() public {
        SignedCheckpoint memory a = head(5, "a");
        SignedCheckpoint memory b = head(5, "b");
        SignedCheckpoint memory c = head(6, "c");
        vm.expectRevert(abi.encodeWithSelector(SizesDiffer.selector, 5, 6));
        bond.slashSameSize(LOG, a, c, UNPAID);
        vm.expectRevert(RootsEqual.selector);
        bond.slashSameSize(LOG, a, a, UNPAID);
        SignedCheckpoint memory zeroA = head(0, "a");
        SignedCheckpoint memory zeroB = head(0, "b");
        vm.expectRevert(EmptyCheckpoint.selector);
        bond.slashSameSize(LOG, zeroA, zeroB, UNPAID);
        Leaf memory leaf = Leaf("leaf", new bytes32[](0));
        vm.expectRevert(LeavesEqual.selector);
        bond.slashLeafConflict(LOG, 0, a, leaf, b, leaf, UNPAID);
        vm.expectPartialRevert(MerkleLog.IndexOutsideTree.selector);
        bond.slashLeafConflict(LOG, 5, a, leaf, b, Leaf("other", new bytes32[](0)), UNPAID);
        vm.expectPartialRevert(MerkleLog.SizesNotAscending.selector);
        bond.slashInconsistent(LOG, c, a, 0, new bytes32[](0), UNPAID);
        bytes32[] memory path = new bytes32[](2);
        vm.expectPartialRevert(RootMismatch.selector);
        bond.slashInconsistent(LOG, a, c, 0, path, UNPAID);
    }

    function test_signatures_are_65_bytes_with_v_27_or_28_and_low_s() public {
        SignedCheckpoint memory good = head(5, "a");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, bond.digest(LOG, 5, "b"));
        bytes32 highS = bytes32(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - uint256(s));
        refusesSignature(good, abi.encodePacked(r, s, v - 27), ECDSA.ECDSAInvalidSignature.selector);
        refusesSignature(good, abi.encodePacked(r, s, uint8(29)), ECDSA.ECDSAInvalidSignature.selector);
        refusesSignature(good, abi.encodePacked(r, highS, 55 - v), ECDSA.ECDSAInvalidSignatureS.selector);
        refusesSignature(good, abi.encodePacked(r, s), ECDSA.ECDSAInvalidSignatureLength.selector);
        refusesSignature(good, abi.encodePacked(r, s, v, v), ECDSA.ECDSAInvalidSignatureLength.selector);
        refusesSignature(good, "", ECDSA.ECDSAInvalidSignatureLength.selector);
        refusesSignature(good, abi.encodePacked(bytes32(0), s, v), ECDSA.ECDSAInvalidSignature.selector);
        refusesSignature(good, abi.encodePacked(r, bytes32(0), v), ECDSA.ECDSAInvalidSignature.selector);
        expectStatus(Status.Active);
    }

    /// @dev Genesis fixes the chain id that heads are signed with, so a chain that renumbers must not free the stake.
    function test_a_changed_chain_id_changes_nothing() public {
        uint256 original = block.chainid;
        (SignedCheckpoint memory a, SignedCheckpoint memory b) = equivocation();
        bytes32 before = bond.digest(LOG, 9, "root");
        vm.chainId(original + 1);
        require(bond.digest(LOG, 9, "root") == before, "digest");
        (,,, uint256 stated,,,) = bond.eip712Domain();
        require(stated == original, "ERC-5267");
        bond.slashSameSize(LOG, a, b, UNPAID);
        expectStatus(Status.Slashed);
    }

    function test_the_domain_is_the_logs() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Sequencer"),
                keccak256("1"),
                block.chainid,
                address(bond)
            )
        );
        bytes32 checkpoint = keccak256(
            abi.encode(keccak256("Checkpoint(bytes32 logId,uint64 size,bytes32 root)"), LOG, uint64(7), bytes32("r"))
        );
        require(bond.digest(LOG, 7, "r") == keccak256(abi.encodePacked(hex"1901", domain, checkpoint)), "digest");
    }

    function refusesSignature(SignedCheckpoint memory good, bytes memory bad, bytes4 selector) private {
        SignedCheckpoint memory other = SignedCheckpoint(5, "b", bad);
        vm.expectPartialRevert(selector);
        bond.slashSameSize(LOG, good, other, UNPAID);
    }

    function refusesSameSize(SignedCheckpoint memory a, SignedCheckpoint memory b) private {
        (bool done,) = address(bond).call(abi.encodeCall(BondSlashing.slashSameSize, (LOG, a, b, UNPAID)));
        require(!done, "same size");
    }

    /// @dev A true leaf at its index, against: junk, another leaf, an inner node, a bent path, another index.
    function bentInclusion(
        bytes32[] memory all,
        SignedCheckpoint memory older,
        SignedCheckpoint memory newer,
        uint256 pick,
        bytes32 junk
    ) private {
        uint64 index = between(pick >> 136, 0, older.size - 1);
        Leaf memory genuine = Leaf(all[index], ReferenceTree.inclusion(all, index, older.size));
        Leaf memory bent = Leaf(all[index], ReferenceTree.inclusion(all, index, newer.size));
        refusesLeaves(index, older, genuine, newer, bent);
        uint256 way = pick & 7;
        if (way == 0) bent.leafHash = junk;
        if (way == 1) bent.leafHash = all[(index + 1) % newer.size];
        if (way == 2) bent.leafHash = ReferenceTree.range(all, 0, newer.size);
        if (way > 2) bent.leafHash = keccak256("another leaf");
        if (bent.leafHash == genuine.leafHash) return;
        if (way == 3 && bent.path.length > 0) bent.path[pick % bent.path.length] = junk;
        if (way == 4 && index + 1 < newer.size) {
            bent = Leaf(all[index + 1], ReferenceTree.inclusion(all, index + 1, newer.size));
        }
        if (way == 5) bent.path = ReferenceTree.append(bent.path, junk);
        if (way == 6) bent = Leaf(newer.root, new bytes32[](0));
        if (way == 7) (newer, bent) = (older, Leaf(junk, genuine.path));
        if (bent.leafHash != genuine.leafHash) refusesLeaves(index, older, genuine, newer, bent);
    }

    function refusesLeaves(
        uint64 index,
        SignedCheckpoint memory a,
        Leaf memory leafA,
        SignedCheckpoint memory b,
        Leaf memory leafB
    ) private {
        (bool done,) = address(bond).call(
            abi.encodeCall(BondSlashing.slashLeafConflict, (LOG, index, a, leafA, b, leafB, UNPAID))
        );
        require(!done, "leaf conflict");
    }

    /// @dev The true consistency proof, and that proof with the seed, a hash or the shape bent.
    function bentConsistency(
        bytes32[] memory all,
        SignedCheckpoint memory older,
        SignedCheckpoint memory newer,
        uint256 pick,
        bytes32 junk
    ) private {
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, older.size, newer.size);
        refusesInconsistent(older, newer, start, path);
        uint256 step = (pick >> 200) % path.length;
        bytes32 kept = path[step];
        refusesInconsistent(older, newer, junk, path);
        refusesInconsistent(older, newer, path[step], path);
        path[step] = junk;
        refusesInconsistent(older, newer, start, path);
        path[step] = start;
        refusesInconsistent(older, newer, kept, path);
        path[step] = kept;
        refusesInconsistent(older, newer, start, ReferenceTree.append(path, junk));
        refusesInconsistent(newer, older, start, path);
        refusesInconsistent(newer, newer, start, path);
    }

    function refusesInconsistent(
        SignedCheckpoint memory older,
        SignedCheckpoint memory newer,
        bytes32 start,
        bytes32[] memory path
    ) private {
        (bool done,) = address(bond).call(
            abi.encodeCall(BondSlashing.slashInconsistent, (LOG, older, newer, start, path, UNPAID))
        );
        require(!done, "inconsistent");
    }

    function equivocation() private view returns (SignedCheckpoint memory a, SignedCheckpoint memory b) {
        return (head(5, "a"), head(5, "b"));
    }

    function commitmentFor(SignedCheckpoint memory a, SignedCheckpoint memory b, address who, bytes32 salt)
        private
        view
        returns (bytes32)
    {
        return
            bond.commitmentOf(bond.digest(LOG, a.size, a.root), bond.digest(LOG, b.size, b.root), who, salt);
    }

    function commitTo(SignedCheckpoint memory a, SignedCheckpoint memory b, bytes32 salt)
        private
        returns (Reveal memory)
    {
        bond.commit(commitmentFor(a, b, REPORTER, salt));
        vm.warp(block.timestamp + 60);
        return Reveal(REPORTER, salt);
    }
}
