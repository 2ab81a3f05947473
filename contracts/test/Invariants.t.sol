// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SequencerBond} from "../SequencerBond.sol";
import {BondModel} from "./BondModel.sol";
import {BondTest} from "./BondTest.sol";

/// @notice What holds after any sequence of calls; BondModel also checks each call against its own book.
contract InvariantsTest is BondTest {
    BondModel private model;

    function setUp() public override {
        super.setUp();
        bond = new SequencerBond(parameters());
        model = new BondModel(bond);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(model);
    }

    /// @dev One campaign for all of them: running the calls is what takes time.
    function invariant_the_bond_is_what_the_model_says() external view {
        everyWeiIsAccountedFor();
        theContractAgreesWithTheModel();
        honestyIsNeverPunishedAndFraudAtMostOnce();
    }

    function everyWeiIsAccountedFor() private view {
        uint256 stakes = model.kept(0).stake + model.kept(1).stake;
        uint256 owed = bond.owed(REPORTER);
        require(address(bond).balance == stakes + owed + model.openChallengeValue(), "solvent");
        require(address(bond).balance == model.paidIn() - model.paidOut(), "conserved");
        require(owed == model.owedToStranger(), "owed");
    }

    function theContractAgreesWithTheModel() private view {
        for (uint256 which = 0; which < 2; ++which) {
            Bond memory kept = model.kept(which);
            BondModel.Entry memory entry = model.entryOf(which);
            require(kept.status == entry.status && kept.stake == entry.stake, "status and stake");
            require(kept.openChallenges == entry.open && kept.anchoredSize == entry.anchored, "challenges, anchor");
        }
    }

    function honestyIsNeverPunishedAndFraudAtMostOnce() private view {
        require(model.entryOf(0).slashes == 0, "honest");
        BondModel.Entry memory other = model.entryOf(1);
        require(other.slashes + other.withdrawals <= 1, "once, and not after the stake has left");
    }
}
